//! `/_mock/users`.

use std::future::IntoFuture as _;
use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use super::{done, rows, show};
use crate::support::TestServer;
use crate::support::frames::{Frame, Frames};

const USERS: &str = "/_mock/users";

#[tokio::test]
async fn users_are_added_edited_banned_and_deleted() {
    let mock = TestServer::documented().await;
    let before = mock.users().await.len();
    let add = [
        ("act", "add-user"),
        ("username", "mia"),
        ("email", "mia@example.com"),
        ("email_verified", "true"),
        ("tier", "gold"),
        ("roles", "tester, helper"),
        ("buzz.yellow", "12345"),
        ("moderator", "true"),
    ];
    assert_eq!(done(&mock, &add).await, "User mia added");
    let mia = mock.control("GET", "/users/mia", json!({})).await;
    let id = mia["id"].to_string();
    assert_snapshot!(mia.to_string().replace(&id, "<id>"), @r#"{"id":<id>,"username":"mia","email":"mia@example.com","email_verified":true,"image":null,"moderator":true,"tier":"gold","roles":["tester","helper"],"subscriptions":[],"muted":false,"banned":false,"deleted":false,"buzz":{"yellow":12345,"blue":0,"green":0}}"#);
    mock.session("mia").await;
    let row = async || {
        let page = show(&mock, USERS).await;
        let list = rows(&page, "#user-list");
        let row = list.lines().find(|line| line.contains("mia"));
        row.unwrap_or_default().replace(&id, "<id>")
    };
    assert_snapshot!(row().await, @"M mia | <id> | mia@example.com verified | moderator gold tester helper | 12,345 | 0 | 0 | 1");
    // The form has the values, and an empty field removes one.
    let form = show(&mock, &format!("{USERS}?edit={id}")).await;
    let form = form
        .forms()
        .into_iter()
        .find(|form| form.fields.get("act") == Some("edit-user"));
    let form = form.expect("the form of the user").fields;
    assert_eq!(form.get("roles"), Some("tester, helper"));
    assert_eq!(form.get("buzz.yellow"), Some("12345"));
    let changed = form
        .with("tier", "")
        .with("roles", "")
        .with("buzz.yellow", "0")
        .with("buzz.blue", "7")
        .with("username", "mia2")
        .without("moderator")
        .and("muted", "true");
    let saved = mock.post("/_mock/actions", &changed).await;
    assert_eq!((saved.status, saved.location().path()), (303, USERS));
    assert_snapshot!(row().await, @"M mia2 | <id> | mia@example.com verified | muted | 0 | 7 | 0 | 1");
    for (act, said) in [
        ("ban", "User mia2 is banned"),
        ("unban", "User mia2 is no longer banned"),
        ("delete-user", "User mia2 deleted"),
    ] {
        assert_eq!(done(&mock, &[("act", act), ("id", &id)]).await, said);
        let user = mock.get(&format!("/_mock/users/{id}")).await;
        let banned = user.json()["banned"].as_bool();
        let expected = match act {
            "ban" => Some(true),
            "unban" => Some(false),
            _ => None,
        };
        assert_eq!(banned, expected, "{act}");
    }
    assert_eq!(mock.users().await.len(), before);
}

#[tokio::test]
async fn a_number_in_a_button_is_an_id_and_no_username() {
    let mock = TestServer::documented().await;
    let named = json!({ "id": 50, "username": "2" });
    mock.control("POST", "/users", named).await;
    done(&mock, &[("act", "ban"), ("id", "2")]).await;
    let users = mock.users().await;
    let banned: Vec<_> = users
        .iter()
        .filter(|user| user["banned"] == true)
        .map(|user| &user["id"])
        .collect();
    assert_eq!(banned, [2]);
}

#[tokio::test]
async fn long_list_has_pages() {
    let mock = TestServer::documented().await;
    let before = mock.users().await.len();
    for at in 0..205 {
        let user = json!({ "username": format!("u{at}") });
        mock.control("POST", "/users", user).await;
    }
    let page = show(&mock, USERS).await;
    assert_eq!(page.texts("#user-list tbody tr").len(), 100);
    assert_eq!(
        page.attributes("#user-list .card__foot a", "href"),
        ["/_mock/users?from=100"]
    );
    let last = show(&mock, "/_mock/users?from=200").await;
    assert_eq!(last.texts("#user-list tbody tr").len(), before + 5);
    assert_eq!(
        last.attributes("#user-list .card__foot a", "href"),
        ["/_mock/users?from=100"]
    );
    // A list that is too long for a choice is a text field.
    let page = show(&mock, "/_mock/tokens?issue").await;
    assert_eq!(page.texts("form[data-navigate] select[name=user]"), [""; 0]);
    assert_eq!(
        page.attributes("form[data-navigate] input[name=user]", "value"),
        [""]
    );
}

#[tokio::test]
async fn saved_form_does_not_undo_what_others_changed() {
    let mock = TestServer::documented().await;
    let opened = show(&mock, &format!("{USERS}?edit=2")).await;
    let form = opened.forms().into_iter();
    let mut form = form.filter(|form| form.fields.get("act") == Some("edit-user"));
    let form = form.next().expect("the form of the user").fields;
    let meanwhile =
        json!({ "tier": "gold", "muted": true, "buzz": { "yellow": 3, "blue": 4, "green": 5 } });
    mock.control("PATCH", "/users/2", meanwhile).await;
    let changed = form
        .with("email", "new@example.com")
        .with("buzz.blue", "77");
    let saved = mock.post("/_mock/actions", &changed).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let user = mock.control("GET", "/users/2", json!({})).await;
    let shown = json!([user["email"], user["tier"], user["muted"], user["buzz"]]);
    assert_snapshot!(shown, @r#"["new@example.com","gold",true,{"yellow":3,"blue":77,"green":5}]"#);
}

#[tokio::test]
async fn page_of_a_long_list_waits_for_its_turn() {
    let mock = TestServer::documented().await;
    let image = format!("https://example.com/{}", "x".repeat(7000));
    for _ in 0..20 {
        mock.control("POST", "/users", json!({ "image": image }))
            .await;
    }
    let mut unread = Frames::connect(mock.server().address(), &[]).await;
    unread.send(&Frame::get(1, USERS)).await;
    assert!(unread.is_ok(1).await);
    for path in [USERS, "/_mock/tokens", "/_mock/clients"] {
        let page = mock.get(path).in_browser().into_future();
        let page = tokio::time::timeout(Duration::from_millis(300), page).await;
        assert!(page.is_err(), "{path} waits for its turn");
    }
    drop(unread);
    show(&mock, USERS).await;
}
