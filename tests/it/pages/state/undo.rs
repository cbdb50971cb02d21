//! Undo of "Delete all requests".

use serde_json::json;

use super::{done, follow, press};
use crate::support::{CONF, SandboxClient, TestServer};

const CLEAR: [(&str, &str); 1] = [("act", "delete-requests")];
const UNDO: [(&str, &str); 1] = [("act", "undo-delete-requests")];

async fn requests(sandbox: &SandboxClient) -> Vec<u64> {
    let listed = sandbox.control("GET", "/requests", json!({})).await;
    let listed = listed["requests"].as_array().cloned().unwrap_or_default();
    listed
        .iter()
        .filter_map(|request| request["id"].as_u64())
        .collect()
}

#[tokio::test]
async fn deleted_requests_are_put_back_before_the_newer_ones() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let before = mock.control("GET", "/requests", json!({})).await;
    let ids = requests(&mock).await;
    let page = follow(&mock, &CLEAR).await.page();
    let forms = page.forms().into_iter();
    let mut undo = forms.filter(|form| form.fields.get("act") == Some("undo-delete-requests"));
    assert!(undo.next().is_some(), "the status line has a button");
    assert_eq!(requests(&mock).await, [0_u64; 0]);
    mock.userinfo(&tokens.access).await;
    let newer = ids.last().expect("requests") + 1;
    assert_eq!(requests(&mock).await, [newer]);
    assert_eq!(done(&mock, &UNDO).await, "The deleted requests are back");
    assert_eq!(requests(&mock).await, [&ids[..], &[newer]].concat());
    let after = mock.control("GET", "/requests", json!({})).await;
    let total = |list: &serde_json::Value| list["counters"]["total"].as_u64();
    assert_eq!(total(&after), total(&before).map(|total| total + 1));
    // The history of the tokens is back.
    let list = mock.get("/_mock/tokens").in_browser().await.page();
    assert!(
        list.texts("td[data-label='Issued in']")
            .iter()
            .all(|cell| cell.starts_with('#'))
    );
    // Once.
    let again = press(&mock, &UNDO).await;
    assert_eq!(again.status, 400);
    assert!(
        again.body.contains("can no longer be put back"),
        "{}",
        again.body
    );
}

#[tokio::test]
async fn nothing_is_put_back_after_a_reset_or_another_clearing() {
    let mock = TestServer::documented().await;
    for (method, path) in [("POST", "/reset"), ("DELETE", "/requests")] {
        mock.tokens(&CONF, "1").await;
        press(&mock, &CLEAR).await;
        mock.control(method, path, json!({})).await;
        assert_eq!(press(&mock, &UNDO).await.status, 400, "{path}");
        assert_eq!(requests(&mock).await, [0_u64; 0]);
    }
}
