//! `/token`, the code grant: codes that are exchanged after time has passed or data has changed.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CODE_ONLY, CONF, NARROW, SandboxClient, TestServer};

/// The result of redeeming a code this many seconds after it was issued.
async fn redeem_after(mock: &SandboxClient, seconds: i64) -> String {
    let code = mock.code(&CONF, "1").await;
    mock.advance(seconds).await;
    let summary = mock.token(&CONF.redeem_params(&code)).await.summary();
    if summary.starts_with("200") {
        "tokens".to_owned()
    } else {
        summary
    }
}

async fn lifetime_table(mock: &SandboxClient) -> String {
    let mut table = String::new();
    for seconds in [295, 301, 595, 601] {
        table += &format!("{seconds} s: {}\n", redeem_after(mock, seconds).await);
    }
    table
}

#[tokio::test]
async fn a_code_lives_ten_minutes_in_the_documentation_and_five_at_the_deployed_server() {
    let mock = TestServer::documented().await;
    let long = lifetime_table(&mock).await;
    assert_snapshot!(long, @"
    295 s: tokens
    301 s: tokens
    595 s: tokens
    601 s: 400 invalid_grant: Invalid grant: authorization code is invalid
    ");
    mock.set_difference(Difference::CodeLifetime, Contract::Live)
        .await;
    let short = lifetime_table(&mock).await;

    let mock = TestServer::live().await;
    assert_snapshot!(lifetime_table(&mock).await, @"
    295 s: tokens
    301 s: 400 invalid_grant: Invalid grant: authorization code has expired
    595 s: 400 invalid_grant: Invalid grant: authorization code has expired
    601 s: 400 invalid_grant: Invalid grant: authorization code is invalid
    ");
    assert_eq!(lifetime_table(&mock).await, short);
    mock.set_difference(Difference::CodeLifetime, Contract::Documented)
        .await;
    assert_eq!(lifetime_table(&mock).await, long);
}

#[tokio::test]
async fn setting_overrides_the_contracts_code_lifetime() {
    let mock = TestServer::live().await;
    mock.set(json!({ "code_seconds": 5 })).await;
    assert_snapshot!(redeem_after(&mock, 7).await, @"400 invalid_grant: Invalid grant: authorization code has expired");
    mock.set(json!({ "code_seconds": 3600 })).await;
    assert_eq!(redeem_after(&mock, 3590).await, "tokens");
    mock.set(json!({ "code_seconds": null })).await;
    assert_ne!(redeem_after(&mock, 301).await, "tokens");
}

#[tokio::test]
async fn lowered_ceiling_applies_at_the_exchange() {
    let shrunk = async |mock: &SandboxClient| {
        mock.control("PATCH", "/clients/conf", json!({ "allowed_scopes": 7 }))
            .await;
        let code = mock.code(&CONF, "7").await;
        mock.control("PATCH", "/clients/conf", json!({ "allowed_scopes": 4 }))
            .await;
        mock.token(&CONF.redeem_params(&code)).await
    };
    let mock = TestServer::documented().await;
    assert_eq!(shrunk(&mock).await.json()["scope"], "5");
    let mock = TestServer::live().await;
    assert_snapshot!(shrunk(&mock).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: Conf App may not request UserWrite
    x-mock-request: http://mock/_mock/requests/2

    {"error":"invalid_scope","error_description":"Invalid scope: Requested scope is invalid"}
    "#);
}

#[tokio::test]
async fn a_code_outlives_the_session_and_the_consent_it_came_from() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "1").await;
    mock.control("DELETE", "/consents", json!({})).await;
    mock.control("PATCH", "/users/ada", json!({ "deleted": true }))
        .await;
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 200);
}

#[tokio::test]
async fn an_app_that_was_closed_meanwhile_still_redeems_its_code() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "1").await;
    let closed = json!({ "access_mode": "disabled" });
    mock.control("PATCH", "/clients/conf", closed).await;
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 200);
}

#[tokio::test]
async fn a_client_without_the_refresh_grant_gets_a_refresh_token_that_it_cannot_use() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CODE_ONLY, "1").await;
    assert_snapshot!(mock.token(&CODE_ONLY.refresh_params(&tokens.refresh)).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: Code only may not use the grant refresh_token; allowed: authorization_code
    x-mock-request: http://mock/_mock/requests/3

    {"error":"unauthorized_client","error_description":"Unauthorized client: `grant_type` is invalid"}
    "#);
}

#[tokio::test]
async fn code_of_a_deleted_client_is_rejected() {
    let mock = TestServer::documented().await;
    let code = mock.code(&NARROW, "1").await;
    mock.control("DELETE", "/clients/narrow", json!({})).await;
    assert_snapshot!(mock.token(&NARROW.redeem_params(&code)).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: no app has the client_id "narrow"
    x-mock-request: http://mock/_mock/requests/2

    {"error":"invalid_client","error_description":"Invalid client: client is invalid"}
    "#);
}
