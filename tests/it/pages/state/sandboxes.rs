//! `/_mock/snapshots` and `/_mock/sandboxes`.

use insta::assert_snapshot;
use serde_json::json;

use super::{done, follow, rows, show};
use crate::support::{SandboxClient, TestServer};

#[tokio::test]
async fn snapshots_are_taken_restored_and_deleted() {
    let mock = TestServer::documented().await;
    let at = json!({ "at": "2026-01-31T12:00:00Z" });
    for sandbox in [SandboxClient::clone(&mock), mock.sandbox("x")] {
        sandbox.control("POST", "/clock/freeze", at.clone()).await;
        let take = [("act", "take-snapshot"), ("name", "start")];
        assert_eq!(done(&sandbox, &take).await, "Snapshot start taken");
        sandbox.control("DELETE", "/users/ada", json!({})).await;
        sandbox.advance(90).await;
        let page = show(&sandbox, "/_mock/snapshots").await;
        insta::allow_duplicates! {
            assert_snapshot!(rows(&page, "#snapshot-list"), @"start | 31 Jan 2026, 12:00:00 UTC 1 min ago");
        }
        let restore = [("act", "restore-snapshot"), ("name", "start")];
        let back = follow(
            &sandbox,
            &[&restore[..], &[("back", "/_mock/snapshots")]].concat(),
        )
        .await;
        assert_eq!(
            back.page().texts("[data-toasts]"),
            ["Snapshot start restored"]
        );
        assert_eq!(sandbox.get("/_mock/users/ada").await.status, 200);
        let delete = [("act", "delete-snapshot"), ("name", "start")];
        assert_eq!(done(&sandbox, &delete).await, "Snapshot start deleted");
        let page = show(&sandbox, "/_mock/snapshots").await;
        assert_eq!(page.texts("#snapshot-list tr"), [""; 0]);
    }
}

#[tokio::test]
async fn sandboxes_are_created_opened_reset_and_deleted() {
    let mock = TestServer::documented().await;
    let seed = "[[users]]\nid = 1\nusername = \"mia\"";
    let create = [
        ("act", "make-sandbox"),
        ("back", "/_mock/sandboxes"),
        ("name", "made"),
        ("settings.contract", "live"),
        ("seed", seed),
    ];
    let page = follow(&mock, &create).await.page();
    assert_eq!(page.texts("[data-toasts]"), ["Sandbox made created"]);
    let list = rows(&page, "#sandbox-list").replace(&mock.base, "<base>");
    // The last cell has the time since the last use.
    let list: Vec<&str> = list
        .lines()
        .filter_map(|row| Some(row.rsplit_once(" | ")?.0))
        .collect();
    assert_eq!(
        list,
        ["default current | <base>", "made | <base>/_sandbox/made"]
    );
    let open = page.attributes("#sandbox-list .button[href]", "href");
    assert_eq!(open, ["/_sandbox/made/_mock"]);
    assert_eq!(mock.get(&open[0]).await.status, 200);
    let made = mock.sandbox("made");
    assert_eq!(made.get("/_mock/settings").await.json()["contract"], "live");
    let names = async || {
        made.users()
            .await
            .iter()
            .map(|user| user["username"].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["\"mia\""]);
    made.control("POST", "/users", json!({ "username": "another" }))
        .await;
    let reset = [("act", "reset-sandbox"), ("name", "made")];
    assert_eq!(done(&mock, &reset).await, "Sandbox made was reset");
    assert_eq!(names().await, ["\"mia\""]);
    // A sandbox has no button that deletes itself, and the default one has none anywhere.
    let inside = show(&made, "/_mock/sandboxes").await;
    assert_eq!(inside.texts("[value=delete-sandbox]"), [""; 0]);
    let delete = [("act", "delete-sandbox"), ("name", "made")];
    assert_eq!(done(&mock, &delete).await, "Sandbox made deleted");
    assert_eq!(mock.get("/_mock/sandboxes/made").await.status, 404);
    let unknown = super::press(&mock, &reset).await;
    assert_eq!(unknown.status, 400);
    assert_eq!(
        mock.get("/_mock/sandboxes/made").await.status,
        404,
        "it is not created"
    );
}
