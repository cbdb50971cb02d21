//! `/_mock/clients`.

use insta::assert_snapshot;
use serde_json::json;

use super::{done, press, rows, show};
use crate::support::{Fields, TestServer};

const CLIENTS: &str = "/_mock/clients";

#[tokio::test]
async fn clients_of_every_owner_are_listed() {
    let mock = TestServer::documented().await;
    let page = show(&mock, CLIENTS).await;
    assert_snapshot!(rows(&page, "#client-list"), @"
    Conf App confidential verified | conf | owner | https://app.example/callback https://app.example/cb?keep=1&x=a%20b https://app.example/cb?code=mine&z=1&code=too#part and 3 more | code refresh client credentials | Full Access
    Public App public | spa | owner | http://localhost:3000/callback | code refresh | Full Access
    Public CC public | public-cc | owner | http://localhost:3000/callback | code refresh client credentials | Full Access
    Narrow App confidential | narrow | owner | https://app.example/callback | code refresh client credentials | 4
    Opt-in App confidential | wide | owner | https://app.example/callback | code refresh client credentials | 134217727
    Disabled App confidential disabled | disabled | owner | https://app.example/callback | code refresh | Full Access
    Testers App confidential testers only | testers | owner | https://app.example/callback | code refresh | Full Access
    Ada's App confidential | other | ada | https://app.example/callback | code refresh client credentials | Full Access
    Code only confidential | code-only | owner | https://app.example/callback | code | Full Access
    No grants confidential | no-grants | owner | https://app.example/callback |  | Full Access
    Odd secret confidential | odd-secret | owner | https://app.example/callback | code client credentials | Full Access
    Confidential without a secret confidential | lost-secret | owner | https://app.example/callback | code refresh | Full Access
    Block X confidential | appblk-x | owner | https://app.example/callback | code refresh | Full Access
    ");
}

#[tokio::test]
async fn clients_are_added_edited_and_deleted() {
    let mock = TestServer::documented().await;
    let add = Fields::new(&[
        ("act", "add-client"),
        ("name", "New App"),
        ("id", "new-app"),
        ("description", "It is new"),
        ("owner", "ada"),
        (
            "redirect_uris",
            "https://new.example/cb\r\nhttp://localhost:1/cb",
        ),
        ("allowed_scopes", "UserRead,ModelsRead"),
        ("access_mode", "testers"),
        ("confidential", "true"),
        ("verified", "true"),
        ("grants:authorization_code", "true"),
        ("grants:client_credentials", "true"),
    ]);
    let pressed = mock.post("/_mock/actions", &add).await;
    assert_eq!(pressed.status, 303, "{}", pressed.body);
    let client = mock.control("GET", "/clients/new-app", json!({})).await;
    assert_snapshot!(client, @r#"{"id":"new-app","name":"New App","description":"It is new","logo_url":null,"confidential":true,"redirect_uris":["https://new.example/cb","http://localhost:1/cb"],"any_loopback_redirect":false,"allowed_origins":["https://new.example","http://localhost:1"],"grants":["authorization_code","client_credentials"],"allowed_scopes":5,"verified":true,"access_mode":"testers","may_introspect":false,"owner":2}"#);
    // A confidential client without a secret gets one, which is shown once and works.
    let page = mock
        .get(CLIENTS)
        .in_browser()
        .cookie(&pressed.cookies())
        .await
        .page();
    assert_eq!(page.texts("[data-toasts]"), ["Client New App added"]);
    let secret = page.texts("#client-secret").concat();
    let asked = Fields::new(&[
        ("grant_type", "client_credentials"),
        ("client_id", "new-app"),
        ("client_secret", &secret),
    ]);
    assert_eq!(mock.token(&asked).await.status, 200);
    assert_eq!(show(&mock, CLIENTS).await.texts("#client-secret"), [""; 0]);

    // The form of a client has its values. Saved unchanged, nothing changes.
    let form = show(&mock, &format!("{CLIENTS}?edit=new-app")).await;
    let fields = form
        .forms()
        .into_iter()
        .find(|form| form.fields.get("act") == Some("edit-client"));
    let mut fields = fields.expect("the form of the client").fields;
    for name in ["redirect_uris", "allowed_origins"] {
        fields = fields.and(
            name,
            &form
                .texts(&format!("[name={name}]"))
                .concat()
                .replace(' ', "\n"),
        );
    }
    for name in ["owner", "access_mode"] {
        let chosen = form.attributes(&format!("[name={name}] option[selected]"), "value");
        fields = fields.and(name, &chosen.concat());
    }
    let saved = mock.post("/_mock/actions", &fields).await;
    assert_eq!(
        (saved.status, saved.location().path()),
        (303, CLIENTS),
        "{}",
        saved.body
    );
    let again = mock.control("GET", "/clients/new-app", json!({})).await;
    assert_eq!(again, client);
    assert_eq!(mock.token(&asked).await.status, 200, "the secret stays");
    let changed = fields
        .with("name", "Renamed")
        .without("confidential")
        .without("grants:client_credentials")
        .with("allowed_scopes", "");
    assert_eq!(mock.post("/_mock/actions", &changed).await.status, 303);
    let renamed = mock.control("GET", "/clients/new-app", json!({})).await;
    assert_eq!(
        (
            &renamed["name"],
            &renamed["confidential"],
            &renamed["grants"],
            &renamed["allowed_scopes"]
        ),
        (
            &json!("Renamed"),
            &json!(false),
            &json!(["authorization_code"]),
            &json!(0)
        )
    );
    let delete = [("act", "delete-client"), ("id", "new-app")];
    assert_eq!(done(&mock, &delete).await, "Client Renamed deleted");
    assert_eq!(mock.get("/_mock/clients/new-app").await.status, 404);
}

#[tokio::test]
async fn new_secret_is_shown_once_and_ends_the_old_one() {
    let mock = TestServer::documented().await;
    let rotate = [("act", "rotate-secret"), ("id", "conf")];
    let pressed = press(&mock, &rotate).await;
    let carried = mock.get(CLIENTS).in_browser().cookie(&pressed.cookies());
    let secret = carried.await.page().texts("#client-secret").concat();
    let with = |secret: &str| {
        crate::support::CONF
            .client_credentials()
            .with("client_secret", secret)
    };
    assert_eq!(mock.token(&with(&secret)).await.status, 200);
    assert_eq!(
        mock.token(&crate::support::CONF.client_credentials())
            .await
            .status,
        400
    );
    // A secret that was replaced since is not shown.
    press(&mock, &rotate).await;
    let stale = mock.get(CLIENTS).in_browser().cookie(&pressed.cookies());
    assert_eq!(stale.await.page().texts("#client-secret"), [""; 0]);
    let public = press(&mock, &[("act", "rotate-secret"), ("id", "spa")]).await;
    assert_eq!(public.status, 400);
    assert_snapshot!(public.page().texts(".problem").concat(), @r#"id: client "spa" is public: it has no secret; PATCH it with {"confidential":true} first"#);
}

#[tokio::test]
async fn saved_form_does_not_undo_what_others_changed() {
    let mock = TestServer::documented().await;
    let opened = show(&mock, &format!("{CLIENTS}?edit=conf")).await;
    let was = |name: &str| opened.attributes(&format!("[name='was:{name}']"), "value");
    assert_eq!(was("confidential"), ["true"]);
    let form = opened.forms().into_iter();
    let mut form = form.filter(|form| form.fields.get("act") == Some("edit-client"));
    let mut form = form.next().expect("the form of the client").fields;
    // The text fields with several lines, and the choices, as they were opened.
    for name in ["redirect_uris", "allowed_origins", "owner", "access_mode"] {
        form = form.and(name, &was(name).concat());
    }
    let meanwhile = json!({ "verified": false, "grants": ["authorization_code"], "redirect_uris": [], "description": "x" });
    mock.control("PATCH", "/clients/conf", meanwhile).await;
    let before = mock.control("GET", "/clients/conf", json!({})).await;
    let changed = form.with("name", "Renamed");
    let saved = mock.post("/_mock/actions", &changed).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let mut expected = before;
    expected["name"] = "Renamed".into();
    let after = mock.control("GET", "/clients/conf", json!({})).await;
    assert_eq!(after, expected);
}
