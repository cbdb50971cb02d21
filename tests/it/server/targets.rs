//! Request targets: absolute form, trailing slashes, and sandbox names.

use crate::support::{AUTHORIZE, TestServer};

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
async fn trailing_slash_redirects_for_known_paths() {
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
