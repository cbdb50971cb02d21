//! To which app and user advice attributes a mistake: calls without a client, several clients, and restored
//! snapshots.

use serde_json::json;

use crate::support::{CONF, ME, SPA, TestServer, Tokens, with_frozen_clock};

#[tokio::test]
async fn call_without_client_id_is_attributed_by_its_token() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let tokens = mock.signs_in(&CONF, "1").await;
    mock.later("61m").await;
    for _ in 0..3 {
        mock.later("1s").await;
        mock.calls(ME, &tokens).await;
    }
    let finding = &mock.findings().await[0];
    assert_eq!(
        (&finding["id"], &finding["client_id"]),
        (&json!("expired-token-kept"), &json!("conf"))
    );
    // One that nobody has seen being issued is nobody's.
    let mock = mock.sandbox("strange");
    let strange = Tokens {
        access: "civitai_00".to_owned(),
        refresh: String::new(),
    };
    for _ in 0..10 {
        mock.calls(ME, &strange).await;
    }
    let finding = &mock.findings().await[0];
    assert!(finding.get("client_id").is_none(), "{finding}");
    let summary = finding["summary"].as_str().unwrap_or_default();
    assert!(
        summary.ends_with("no request says which client it is of"),
        "{summary}"
    );
}

#[tokio::test]
async fn minted_token_is_attributed_to_its_client() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let wanted = json!({ "user": "ada", "client_id": "spa" });
    let minted = mock.control("POST", "/tokens", wanted).await;
    let minted = Tokens {
        access: minted["access_token"].as_str().expect("minted").to_owned(),
        refresh: String::new(),
    };
    mock.later("61m").await;
    for _ in 0..3 {
        mock.later("1s").await;
        mock.calls(ME, &minted).await;
    }
    let finding = &mock.findings().await[0];
    assert_eq!(
        (&finding["id"], &finding["client_id"]),
        (&json!("expired-token-kept"), &json!("spa"))
    );
}

#[tokio::test]
async fn findings_of_one_app_do_not_name_another() {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let spa = mock.signs_in(&SPA, "1").await;
    mock.later("1m").await;
    mock.refreshed(&SPA, &spa).await;
    let findings = mock.findings().await;
    let clients: Vec<String> = findings
        .iter()
        .filter(|one| one["severity"] != "hint")
        .map(|one| one["client_id"].to_string())
        .collect();
    assert_eq!(clients, ["\"spa\""]);
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
    assert_eq!(mock.accusations().await, "");
}
