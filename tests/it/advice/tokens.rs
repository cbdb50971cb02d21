//! Advice about refreshes and expired access tokens.

use serde_json::json;

use crate::support::{
    CONF, ME, RawConnection, SandboxClient, SignIn, TOKEN, TestServer, Tokens, with_frozen_clock,
};

async fn sandbox() -> (TestServer, Tokens) {
    let mock = with_frozen_clock(TestServer::documented().await).await;
    let tokens = mock.signs_in(&CONF, "1").await;
    (mock, tokens)
}

async fn fault(sandbox: &SandboxClient, fault: serde_json::Value) {
    sandbox.control("POST", "/faults", fault).await;
}

#[tokio::test]
async fn reused_rotated_refresh_token_is_an_error() {
    let (mock, tokens) = sandbox().await;
    mock.later("61m").await;
    let next = mock.refreshed(&CONF, &tokens).await;
    mock.later("61m").await;
    mock.refreshed(&CONF, &next).await;
    assert_eq!(mock.errors_and_warnings().await, "");
    mock.later("61m").await;
    mock.token(&CONF.refresh_params(&next.refresh)).await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "error refresh-token-reused"
    );
}

#[tokio::test]
async fn refresh_token_retried_after_a_lost_response_is_not_reported() {
    for effect in ["reset_connection", "truncate_body", "malformed_json"] {
        let (mock, tokens) = sandbox().await;
        mock.later("61m").await;
        fault(
            &mock,
            json!({ "endpoint": "token", "times": 1, "effect": { effect: true } }),
        )
        .await;
        let sent = reqwest::Client::new()
            .post(format!("{}/api/auth/oauth/token", mock.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(CONF.refresh_params(&tokens.refresh).encoded());
        let _ = sent.send().await;
        mock.later("1s").await;
        mock.token(&CONF.refresh_params(&tokens.refresh)).await;
        assert_eq!(mock.errors_and_warnings().await, "", "{effect}");
    }
}

/// Starts a request on a connection of its own, without its body.
async fn start_request(mock: &TestServer, head: &str, body: &str) -> RawConnection {
    let mut line = RawConnection::to(mock.server().address()).await;
    let head = format!(
        "{head} HTTP/1.1\r\nHost: mock\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    line.send(head).await;
    // The server has read the head when it asks for the body.
    line.read_until("100 Continue").await;
    line
}

#[tokio::test]
async fn overlapping_refreshes_are_reported_as_a_race() {
    let (mock, tokens) = sandbox().await;
    mock.later("61m").await;
    let body = CONF.refresh_params(&tokens.refresh).encoded();
    let mut first = start_request(&mock, &format!("POST {TOKEN}"), &body).await;
    // The duration of the first refresh makes no difference.
    mock.later("30s").await;
    mock.refreshed(&CONF, &tokens).await;
    mock.later("30s").await;
    first.send(body).await;
    first.read_until("invalid_grant").await;
    assert_eq!(mock.errors_and_warnings().await, "error refresh-race");
}

#[tokio::test]
async fn retry_after_a_client_timeout_is_not_reported() {
    let (mock, tokens) = sandbox().await;
    mock.later("61m").await;
    let attempt = SignIn::new(&CONF);
    let code = mock.approve(&attempt.authorize_params("1")).await.code();
    for sent in [
        CONF.refresh_params(&tokens.refresh),
        attempt.redeem_params(&code),
    ] {
        let slow = json!({ "endpoint": "token", "times": 1, "effect": { "delay": "1s" } });
        let set = mock.control("POST", "/faults", slow).await;
        let (sandbox, again) = (SandboxClient::clone(&mock), sent.clone());
        let late = tokio::spawn(async move { sandbox.token(&again).await });
        let path = format!("/faults/{}", set["id"]);
        while mock.control("GET", &path, json!({})).await["triggered"] == 0 {}
        assert_eq!(
            mock.token(&sent).await.status,
            400,
            "the credential is used up"
        );
        assert_eq!(late.await.expect("it is answered").status, 200);
    }
    assert_eq!(mock.errors_and_warnings().await, "");
}

#[tokio::test]
async fn repeatedly_rejected_refresh_token_is_an_error() {
    let (mock, tokens) = sandbox().await;
    mock.revoke(&CONF.revoke_params(&tokens.refresh)).await;
    for tries in 1..=3 {
        assert_eq!(mock.errors_and_warnings().await, "", "{tries}");
        mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    }
    assert_eq!(
        mock.errors_and_warnings().await,
        "error refresh-retried-after-rejection"
    );
}

#[tokio::test]
async fn sign_in_after_a_rejected_refresh_is_not_reported() {
    let (mock, tokens) = sandbox().await;
    mock.later("61m").await;
    mock.control("DELETE", "/tokens", json!({})).await;
    mock.calls(ME, &tokens).await;
    mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    let next = mock.signs_in(&CONF, "1").await;
    mock.calls(ME, &next).await;
    assert_eq!(mock.errors_and_warnings().await, "");
}

#[tokio::test]
async fn sequential_refreshes_are_not_reported_as_a_race() {
    let (mock, tokens) = sandbox().await;
    let next = mock.refreshed(&CONF, &tokens).await;
    mock.later("1ms").await;
    mock.refreshed(&CONF, &next).await;
    assert_eq!(mock.errors_and_warnings().await, "");
    mock.token(&CONF.refresh_params(&next.refresh)).await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "error refresh-token-reused"
    );
}

#[tokio::test]
async fn tenth_rejection_of_an_access_token_is_an_error() {
    let (mock, tokens) = sandbox().await;
    mock.later("61m").await;
    for _ in 0..10 {
        assert_eq!(mock.errors_and_warnings().await, "");
        assert_eq!(mock.calls(ME, &tokens).await.status, 401);
    }
    assert_eq!(mock.errors_and_warnings().await, "error expired-token-used");
    mock.refreshed(&CONF, &tokens).await;
    assert_eq!(
        mock.errors_and_warnings().await,
        "",
        "the app has refreshed"
    );
}
