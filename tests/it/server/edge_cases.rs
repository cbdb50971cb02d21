//! Edge cases: absolute-form targets, concurrent requests, JSON that is not text, and trailing slashes.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{AUTHORIZE, CONF, Fields, SPA, TOKEN, TestServer, config};

#[tokio::test]
async fn absolute_form_target_is_answered_like_a_path() {
    let mock = TestServer::documented().await;
    let (base, host) = (&mock.base, mock.base.trim_start_matches("http://"));
    for (path, after) in [
        (
            "/login/oauth/device?code=ABCD-2345",
            "%2Flogin%2Foauth%2Fdevice%3Fcode%3DABCD-2345",
        ),
        (
            "/_sandbox/x/login/oauth/authorize",
            "%2F_sandbox%2Fx%2Flogin%2Foauth%2Fauthorize",
        ),
    ] {
        let request =
            format!("GET {base}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        let answer = mock.raw(request.as_bytes()).await;
        let expected = format!("login?returnUrl={after}\r\n");
        assert!(answer.contains(&expected), "{path}: {answer}");
    }
}

#[tokio::test]
async fn concurrent_approvals_keep_scope_and_budget() {
    let mock = TestServer::documented().await;
    for _ in 0..20 {
        mock.control("DELETE", "/consents", json!({})).await;
        let remembering = CONF.asks("5").and("remember", "true");
        let capping = CONF
            .asks("5")
            .and("buzz_limit", r#"[{"type":"absolute","limit":9}]"#);
        tokio::join!(mock.approve(&remembering), mock.approve(&capping));
        let kept = mock.get("/_mock/consents").await.json();
        let kept = &kept["consents"][0];
        assert_eq!(
            (&kept["scope"], &kept["buzz_limit"][0]["limit"]),
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
        let itself = |secret: &str| {
            Fields::of(&[
                ("grant_type", "client_credentials"),
                ("client_id", &format!("stranger-{round}")),
                ("client_secret", secret),
            ])
        };
        let (one, other) = (itself("one"), itself("other"));
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

#[tokio::test]
async fn json_list_with_one_value_is_not_that_value() {
    let mock = TestServer::live().await;
    let ask = |body: Value| mock.ask("POST", TOKEN).json(&body);
    let grant = json!({
        "grant_type": ["client_credentials"], "client_id": CONF.id, "client_secret": CONF.secret,
    });
    assert_snapshot!(ask(grant).await.summary(), @"400 unauthorized_client: Unauthorized client: `grant_type` is invalid");
    let mut redeems = CONF.redeems(&mock.code(&CONF, "1").await).to_json();
    redeems["redirect_uri"] = json!([redeems["redirect_uri"]]);
    assert_snapshot!(ask(redeems).await.summary(), @"400 invalid_request: Invalid request: `redirect_uri` is invalid");
}

#[tokio::test]
async fn byte_order_mark_before_json_is_accepted() {
    let mock = TestServer::live().await;
    let body = format!("\u{feff}{}", CONF.for_itself().to_json());
    let answer = mock.ask("POST", TOKEN).body("application/json", body).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn empty_authorization_header_counts_as_missing() {
    let mock = TestServer::live().await;
    let wrong = CONF.for_itself().with("client_secret", "wrong");
    let answer = mock.post(TOKEN, &wrong).header("authorization", "").await;
    assert_snapshot!(answer.summary(), @"400 invalid_client: Invalid client: client is invalid");
    let answer = mock
        .post(TOKEN, &wrong)
        .header("authorization", "Bearer x")
        .await;
    assert_snapshot!(answer.summary(), @"401 invalid_client: Invalid client: client is invalid");
}

#[tokio::test]
async fn trailing_slash_is_ignored() {
    let mock = TestServer::documented().await;
    let answer = mock.sandbox("x").get(&format!("{AUTHORIZE}/?a=b")).await;
    assert_eq!(answer.status, 308);
    assert_eq!(
        answer.header("location").as_deref(),
        Some("/_sandbox/x/api/auth/oauth/authorize?a=b")
    );
    assert_eq!(mock.get("/nothing/").await.status, 404);
}

#[tokio::test]
async fn dots_are_no_sandbox_name() {
    let mock = TestServer::documented().await;
    for name in [".", "..", "-"] {
        let request = format!(
            "GET /_sandbox/{name}/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        );
        let answer = mock.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{name}: {answer}");
    }
}

#[tokio::test]
async fn client_with_loopback_wildcard_may_revoke_from_any_loopback_origin() {
    let mock = TestServer::start(config(Contract::Documented)).await;
    mock.control(
        "PATCH",
        &format!("/clients/{}", SPA.id),
        json!({ "any_loopback_redirect": true }),
    )
    .await;
    let fields = SPA.revokes("civitai_unknown");
    let revoke = |origin: &str| {
        mock.post("/api/auth/oauth/revoke", &fields)
            .header("origin", origin)
    };
    assert_eq!(revoke("http://127.0.0.1:5999").await.status, 200);
    assert_eq!(revoke("https://evil.example").await.status, 403);
}

#[tokio::test]
async fn a_name_of_digits_is_found_by_its_digits() {
    let mock = TestServer::documented().await;
    mock.control("POST", "/users", json!({ "username": "4711" }))
        .await;
    assert_eq!(
        mock.get("/_mock/users/4711").await.json()["username"],
        "4711"
    );
}

#[tokio::test]
async fn slow_request_head_gets_408() {
    let mut config = config(Contract::Documented);
    config.head_timeout = std::time::Duration::from_millis(100);
    let mock = TestServer::start(config).await;
    let answer = mock.raw(b"GET /api/health HTTP/1.1\r\nHost: loc").await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn fault_that_can_never_apply_is_rejected() {
    let mock = TestServer::documented().await;
    let fault = json!({ "endpoint": "tokn", "effect": { "status": 503 } });
    let answer = mock.ask("POST", "/_mock/faults").json(&fault).await;
    assert_snapshot!(answer.json(), @r#"{"error":"invalid","message":"no endpoint \"tokn\"","path":"endpoint","hint":"did you mean \"token\"?"}"#);
}
