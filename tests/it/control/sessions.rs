//! `/_mock/sessions`: sign-in and sign-out.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, SandboxClient, TestServer};

async fn signed_in(sandbox: &SandboxClient, cookie: &str) -> bool {
    let path = format!("{AUTHORIZE}?{}", CONF.authorize_params("1").encoded());
    let answer = sandbox.get(&path).cookie(cookie).await;
    !answer.location().path().ends_with("/login")
}

#[tokio::test]
async fn sessions_are_listed_and_end() {
    let mock = TestServer::documented().await;
    let at = json!({ "at": "2026-01-31T12:00:00Z" });
    mock.control("POST", "/clock/freeze", at).await;
    let (ada, modo) = (mock.session("ada").await, mock.session("modo").await);
    mock.advance(60).await;
    mock.session("ada").await;
    let listed = mock.control("GET", "/sessions", json!({})).await;
    assert_snapshot!(listed, @r#"{"sessions":[{"user":2,"expires_at":"2026-05-01T12:01:00Z","active":true},{"user":2,"expires_at":"2026-05-01T12:00:00Z","active":true},{"user":5,"expires_at":"2026-05-01T12:00:00Z","active":true}]}"#);
    let of_one = mock.control("GET", "/sessions?user=modo", json!({})).await;
    assert_eq!(of_one["sessions"].as_array().map(Vec::len), Some(1));

    assert!(signed_in(&mock, &ada).await && signed_in(&mock, &modo).await);
    assert_snapshot!(mock.control("DELETE", "/sessions", json!({ "user": "ada" })).await, @r#"{"deleted":2}"#);
    assert!(!signed_in(&mock, &ada).await && signed_in(&mock, &modo).await);
    assert_snapshot!(mock.control("DELETE", "/sessions?user=ada", json!({})).await, @r#"{"deleted":0}"#);
    assert_snapshot!(mock.control("DELETE", "/sessions", json!({})).await, @r#"{"deleted":1}"#);
    assert!(!signed_in(&mock, &modo).await);
    let unknown = mock.get("/_mock/sessions?user=adda").await;
    assert_snapshot!(unknown, @r#"
    400
    content-type: application/json

    {"error":"invalid","message":"no user \"adda\"","path":"user","hint":"did you mean \"ada\"?"}
    "#);
}

#[tokio::test]
async fn session_expires_by_the_sandbox_clock() {
    let mock = TestServer::documented().await;
    let ada = mock.session("ada").await;
    mock.advance(400 * 24 * 3600).await;
    assert!(!signed_in(&mock, &ada).await);
    let listed = mock.control("GET", "/sessions", json!({})).await;
    assert_eq!(listed["sessions"][0]["active"], false, "{listed}");
}
