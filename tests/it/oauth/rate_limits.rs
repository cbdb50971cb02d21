//! Rate limits: off by default; one-minute windows that start with their first request.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    AUTHORIZE, CONF, Fields, OTHER, REVOKE, SandboxClient, TOKEN, TestRequest, TestResponse,
    TestServer,
};

async fn limited(contract: Contract) -> TestServer {
    let mock = TestServer::start(crate::support::config(contract)).await;
    mock.set(json!({ "rate_limits": true })).await;
    mock
}

/// The number of requests accepted of `times`, and the last response.
async fn accepted(times: u32, request: impl Fn() -> TestRequest) -> (u32, TestResponse) {
    let mut accepted = 0;
    loop {
        let answer = request().await;
        accepted += u32::from(answer.status != 429);
        if accepted == times || answer.status == 429 {
            return (accepted, answer);
        }
    }
}

fn guess(mock: &SandboxClient) -> TestRequest {
    mock.post(TOKEN, &CONF.redeem_params("guess"))
}

#[tokio::test]
async fn rate_limits_are_off_by_default() {
    let mock = TestServer::documented().await;
    assert_eq!(accepted(30, || guess(&mock)).await.0, 30);
}

#[tokio::test]
async fn authorize_accepts_ten_per_minute_and_user() {
    let mock = limited(Contract::Documented).await;
    let (ada, tess) = (mock.session("ada").await, mock.session("tess").await);
    let ask = |cookie: &str| mock.get(AUTHORIZE).cookie(cookie);
    let (count, refused) = accepted(99, || ask(&ada)).await;
    assert_eq!(count, 10);
    assert_snapshot!(refused, @r#"
    429
    content-type: application/json
    x-mock-reason: more than 10 authorize requests of one user within a minute
    x-mock-request: http://mock/_mock/requests/11

    {"error":"rate_limited","error_description":"Too many authorization requests"}
    "#);
    assert_eq!(
        ask(&tess).await.status,
        400,
        "another user has a window of their own"
    );
    assert_eq!(
        mock.get(AUTHORIZE).await.status,
        303,
        "signing in comes first"
    );
}

#[tokio::test]
async fn window_starts_with_its_first_request_and_counts_rejected_ones() {
    let mock = limited(Contract::Documented).await;
    assert_eq!(guess(&mock).await.status, 400);
    mock.advance(55).await;
    assert_eq!(accepted(99, || guess(&mock)).await.0, 19);
    mock.advance(3).await;
    assert_eq!(guess(&mock).await.status, 429);
    mock.advance(3).await;
    assert_eq!(accepted(99, || guess(&mock)).await.0, 20);
}

#[tokio::test]
async fn documented_token_accepts_twenty_per_minute_and_client() {
    let mock = limited(Contract::Documented).await;
    let (count, refused) = accepted(99, || guess(&mock)).await;
    assert_eq!(count, 20);
    assert_snapshot!(refused, @r#"
    429
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: more than 20 token requests of one client or address within a minute
    x-mock-request: http://mock/_mock/requests/21

    {"error":"rate_limited","error_description":"Too many token requests"}
    "#);
    let nameless = Fields::new(&[("grant_type", "authorization_code")]);
    let by_basic = mock
        .post(TOKEN, &nameless)
        .basic("conf", "secret-conf")
        .await;
    assert_eq!(by_basic.status, 429, "the same client by HTTP Basic");
    let elsewhere = guess(&mock).header("x-forwarded-for", "203.0.113.9").await;
    assert_eq!(
        elsewhere.status, 429,
        "the same client from another address"
    );
    assert_eq!(mock.token(&OTHER.redeem_params("guess")).await.status, 400);
    mock.advance(61).await;
    assert_eq!(guess(&mock).await.status, 400);
}

#[tokio::test]
async fn live_token_accepts_twenty_per_minute_and_address() {
    let mock = limited(Contract::Live).await;
    assert_eq!(
        accepted(30, || guess(&mock)).await.0,
        30,
        "no limit without a header"
    );
    let from = |address: &str| guess(&mock).header("x-forwarded-for", address);
    assert_eq!(accepted(99, || from("203.0.113.9, 10.0.0.1")).await.0, 20);
    let other = mock
        .post(TOKEN, &OTHER.redeem_params("guess"))
        .header("x-forwarded-for", "203.0.113.9");
    assert_eq!(other.await.status, 429, "another client from there");
    assert_eq!(from("203.0.113.10").await.status, 400);
    let by_cloudflare = || from("203.0.113.9").header("cf-connecting-ip", "198.51.100.7");
    assert_eq!(accepted(99, by_cloudflare).await.0, 20);
}

#[tokio::test]
async fn rate_limit_key_can_be_set_separately() {
    let mock = limited(Contract::Documented).await;
    mock.set_difference(Difference::RateLimitKey, Contract::Live)
        .await;
    let revoke = |mock: &SandboxClient| mock.post(REVOKE, &CONF.revoke_params("x"));
    assert_eq!(accepted(30, || guess(&mock)).await.0, 30);
    assert_eq!(accepted(30, || revoke(&mock)).await.0, 30);
    let mock = limited(Contract::Live).await;
    mock.set_difference(Difference::RateLimitKey, Contract::Documented)
        .await;
    assert_eq!(accepted(30, || guess(&mock)).await.0, 20);
    assert_eq!(accepted(30, || revoke(&mock)).await.0, 20);
}

#[tokio::test]
async fn revoke_accepts_twenty_per_minute_and_address() {
    let mock = limited(Contract::Documented).await;
    let fields = CONF.revoke_params("x");
    let here = || mock.post(REVOKE, &fields);
    let (count, refused) = accepted(99, here).await;
    assert_eq!(count, 20);
    assert_snapshot!(refused, @r#"
    429
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: more than 20 revoke requests of one address within a minute
    x-mock-request: http://mock/_mock/requests/21

    {"error":"rate_limited"}
    "#);
    let elsewhere = || here().header("x-forwarded-for", "203.0.113.9");
    assert_eq!(accepted(99, elsewhere).await.0, 20);

    let mock = limited(Contract::Live).await;
    let here = || mock.post(REVOKE, &fields);
    assert_eq!(accepted(30, here).await.0, 30);
    let elsewhere = || here().header("x-forwarded-for", "203.0.113.9");
    assert_eq!(accepted(99, elsewhere).await.0, 20);
}

#[tokio::test]
async fn windows_are_cleared_by_reset_and_separate_per_sandbox() {
    let mock = limited(Contract::Documented).await;
    assert_eq!(accepted(99, || guess(&mock)).await.0, 20);
    let other = mock.sandbox("other");
    other.set(json!({ "rate_limits": true })).await;
    assert_eq!(accepted(99, || guess(&other)).await.0, 20);
    mock.control("POST", "/reset", json!({})).await;
    assert_eq!(
        accepted(30, || guess(&mock)).await.0,
        30,
        "back to the start: off"
    );
    mock.set(json!({ "rate_limits": true })).await;
    assert_eq!(guess(&mock).await.status, 400);
}
