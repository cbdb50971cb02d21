//! To which app and user advice attributes a mistake: calls without a client, several clients, and restored
//! snapshots.

use serde_json::{Value, json};

use crate::support::{CONF, ME, SPA, SandboxClient, TestServer, with_frozen_clock};

/// A call with the token in its query, which is a mistake, and nothing that names the app.
async fn calls_with_token_in_query(mock: &SandboxClient, token: &str) -> Value {
    mock.get(&format!("{ME}?token={token}")).await;
    let findings = mock.findings().await;
    assert_eq!(findings[0]["rule_id"], "secret-in-query");
    findings[0].clone()
}

#[tokio::test]
async fn call_without_client_id_is_attributed_by_its_token() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let tokens = mock.signs_in(&CONF, "1").await;
    let finding = calls_with_token_in_query(&mock, &tokens.access).await;
    assert_eq!(finding["client_id"], "conf");
    let unknown = mock.sandbox("unknown");
    let finding = calls_with_token_in_query(&unknown, "civitai_00").await;
    assert!(finding.get("client_id").is_none(), "{finding}");
    let summary = finding["summary"].as_str().unwrap_or_default();
    assert!(
        summary.ends_with("the requests do not identify their client"),
        "{summary}"
    );
}

#[tokio::test]
async fn issued_token_is_attributed_to_its_client() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let wanted = json!({ "user": "ada", "client_id": "spa" });
    let issued = mock.control("POST", "/tokens", wanted).await;
    let issued = issued["access_token"].as_str().expect("issued");
    let finding = calls_with_token_in_query(&mock, issued).await;
    assert_eq!(finding["client_id"], "spa");
}

#[tokio::test]
async fn findings_of_one_app_do_not_name_another() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    mock.signs_in(&CONF, "1").await;
    let spa = mock.signs_in(&SPA, "1").await;
    calls_with_token_in_query(&mock, &spa.access).await;
    let findings = mock.findings().await;
    let clients: Vec<&Value> = findings.iter().map(|one| &one["client_id"]).collect();
    assert_eq!(clients, ["spa"]);
}

#[tokio::test]
async fn repeats_after_a_restore_are_not_reported() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let tokens = mock.signs_in(&CONF, "1").await;
    mock.control("POST", "/snapshots/signed-in", json!({}))
        .await;
    for _ in 0..3 {
        mock.later("61m").await;
        mock.refreshed(&CONF, &tokens).await;
        mock.control("POST", "/snapshots/signed-in/restore", json!({}))
            .await;
    }
    assert_eq!(mock.errors_and_warnings().await, "");
}
