//! Concurrent requests that change the same consent, client or settings.

use serde_json::json;

use crate::support::{CONF, Fields, TestServer};

#[tokio::test]
async fn concurrent_approvals_keep_scope_and_budget() {
    let mock = TestServer::documented().await;
    for _ in 0..20 {
        mock.control("DELETE", "/consents", json!({})).await;
        let remembering = CONF.authorize_params("5").and("remember", "true");
        let capping = CONF
            .authorize_params("5")
            .and("buzz_limit", r#"[{"type":"absolute","limit":9}]"#);
        tokio::join!(mock.approve(&remembering), mock.approve(&capping));
        let consents = mock.get("/_mock/consents").await.json();
        let consent = &consents["consents"][0];
        assert_eq!(
            (&consent["scope"], &consent["buzz_limit"][0]["limit"]),
            (&json!("5"), &json!(9))
        );
    }
}

#[tokio::test]
async fn concurrent_first_secrets_of_an_unknown_client_bind_one() {
    let mock = TestServer::live().await;
    mock.set(json!({ "contract": "live", "unknown_clients": "register" }))
        .await;
    for round in 0..10 {
        let fields = |secret: &str| {
            Fields::new(&[
                ("grant_type", "client_credentials"),
                ("client_id", &format!("stranger-{round}")),
                ("client_secret", secret),
            ])
        };
        let (one, other) = (fields("one"), fields("other"));
        let (one, other) = tokio::join!(mock.token(&one), mock.token(&other));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400]);
    }
}

#[tokio::test]
async fn concurrent_settings_patches_all_apply() {
    let mock = TestServer::documented().await;
    for seconds in 1..30 {
        let (life, code) = (
            json!({ "access_token_seconds": seconds }),
            json!({ "code_seconds": seconds }),
        );
        tokio::join!(
            mock.control("PATCH", "/settings", life),
            mock.control("PATCH", "/settings", code)
        );
        let settings = mock.get("/_mock/settings").await.json();
        assert_eq!(settings["access_token_seconds"], settings["code_seconds"]);
    }
}
