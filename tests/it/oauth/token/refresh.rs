//! `/token`, the refresh grant: rotation, narrowing, expiry.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, OTHER, SPA, SandboxClient, TestServer, Tokens};

#[tokio::test]
async fn a_refresh_token_is_rotated_and_the_old_access_token_lives_on() {
    let mock = TestServer::documented().await;
    let old = mock.tokens(&CONF, "5").await;
    let answer = mock.token(&CONF.refresh_params(&old.refresh)).await;
    assert_snapshot!(answer, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":"5"}
    "#);
    let new = Tokens::from_response(&answer);
    assert!(mock.is_active(&old.access).await && mock.is_active(&new.access).await);
    assert_snapshot!(mock.token(&CONF.refresh_params(&old.refresh)).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: refresh token already used in request 3, a moment ago
    x-mock-request: http://mock/_mock/requests/6

    {"error":"invalid_grant","error_description":"Invalid grant: refresh token is invalid"}
    "#);
    // No family revocation: the successor survives the replay.
    assert_eq!(
        mock.token(&CONF.refresh_params(&new.refresh)).await.status,
        200
    );
}

#[tokio::test]
async fn unknown_used_or_foreign_refresh_token_is_rejected() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let mut table = String::new();
    for (what, fields) in [
        ("missing", CONF.refresh_params("x").without("refresh_token")),
        ("empty", CONF.refresh_params("")),
        ("not ASCII", CONF.refresh_params("é")),
        ("unknown", CONF.refresh_params("x")),
        ("an access token", CONF.refresh_params(&tokens.access)),
        ("another client", OTHER.refresh_params(&tokens.refresh)),
        (
            "wrong secret",
            CONF.refresh_params(&tokens.refresh)
                .with("client_secret", "x"),
        ),
    ] {
        table += &format!("{what}: {}\n", mock.token(&fields).await.summary());
    }
    assert_snapshot!(table, @"
    missing: 400 invalid_request: Missing parameter: `refresh_token`
    empty: 400 invalid_request: Missing parameter: `refresh_token`
    not ASCII: 400 invalid_request: Invalid parameter: `refresh_token`
    unknown: 400 invalid_grant: Invalid grant: refresh token is invalid
    an access token: 400 invalid_grant: Invalid grant: refresh token is invalid
    another client: 400 invalid_grant: Invalid grant: refresh token was issued to another client
    wrong secret: 400 invalid_client: Invalid client: client is invalid
    ");
    let answer = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    assert_eq!(answer.status, 200, "nothing of that used it up: {answer}");
}

#[tokio::test]
async fn tokens_expire_after_expires_in() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.advance(3595).await;
    assert!(mock.is_active(&tokens.access).await);
    mock.advance(10).await;
    assert_snapshot!(mock.userinfo(&tokens.access).await.summary(), @"401 invalid_token: Invalid or expired token");
    let tokens = Tokens::from_response(&mock.token(&CONF.refresh_params(&tokens.refresh)).await);
    mock.advance(30 * 24 * 3600 - 5).await;
    let tokens = Tokens::from_response(&mock.token(&CONF.refresh_params(&tokens.refresh)).await);
    mock.advance(30 * 24 * 3600 + 5).await;
    assert_snapshot!(mock.token(&CONF.refresh_params(&tokens.refresh)).await.summary(), @"400 invalid_grant: Invalid grant: refresh token is invalid");
}

#[tokio::test]
async fn lifetimes_can_be_set() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "access_token_seconds": 5, "refresh_token_seconds": 60 }))
        .await;
    let code = mock.code(&CONF, "1").await;
    let answer = mock.token(&CONF.redeem_params(&code)).await;
    assert_eq!(answer.json()["expires_in"], 5);
    let tokens = Tokens::from_response(&answer);
    mock.advance(7).await;
    assert!(!mock.is_active(&tokens.access).await);
    mock.advance(60).await;
    assert_eq!(
        mock.token(&CONF.refresh_params(&tokens.refresh))
            .await
            .status,
        400
    );
}

/// Refreshes again and again with these scopes: what each answers.
async fn narrowed(mock: &SandboxClient, scopes: &[Option<&str>]) -> String {
    let mut tokens = mock.tokens(&CONF, "13").await;
    let mut table = String::new();
    for scope in scopes {
        let mut fields = CONF.refresh_params(&tokens.refresh);
        if let Some(scope) = scope {
            fields = fields.and("scope", scope);
        }
        let answer = mock.token(&fields).await;
        if answer.status == 200 {
            tokens = Tokens::from_response(&answer);
            table += &format!("{scope:?}: {}\n", answer.json()["scope"]);
        } else {
            table += &format!("{scope:?}: {}\n", answer.summary());
        }
    }
    table
}

const STEPS: [Option<&str>; 10] = [
    None,
    Some(""),
    Some("15"),
    Some("abc"),
    Some("1abc"),
    Some("33554432"),
    Some("4"),
    None,
    Some("13"),
    Some("0"),
];

#[tokio::test]
async fn a_refresh_may_narrow_for_good_in_the_documentation() {
    let mock = TestServer::documented().await;
    let narrowing = narrowed(&mock, &STEPS).await;
    assert_snapshot!(narrowing, @r#"
    None: "13"
    Some(""): "13"
    Some("15"): 400 invalid_scope: Invalid scope: Unable to add extra scopes
    Some("abc"): 400 invalid_scope: Invalid scope value
    Some("1abc"): 400 invalid_scope: Invalid scope value
    Some("33554432"): 400 invalid_scope: Invalid scope value
    Some("4"): "5"
    None: "5"
    Some("13"): 400 invalid_scope: Invalid scope: Unable to add extra scopes
    Some("0"): "1"
    "#);
    mock.set(json!({ "contract": "live", "differences":
        { "refresh-scope": "documented", "scope-shape": "documented" } }))
        .await;
    assert_eq!(narrowed(&mock, &STEPS).await, narrowing);
}

#[tokio::test]
async fn scope_at_refresh_is_ignored_by_the_deployed_server() {
    let mock = TestServer::live().await;
    let ignoring = narrowed(&mock, &STEPS).await;
    assert_snapshot!(ignoring, @r#"
    None: ["13"]
    Some(""): ["13"]
    Some("15"): ["13"]
    Some("abc"): ["13"]
    Some("1abc"): ["13"]
    Some("33554432"): ["13"]
    Some("4"): ["13"]
    None: ["13"]
    Some("13"): ["13"]
    Some("0"): ["13"]
    "#);
    mock.set(json!({ "contract": "documented", "differences":
        { "refresh-scope": "live", "scope-shape": "live" } }))
        .await;
    assert_eq!(narrowed(&mock, &STEPS).await, ignoring);
}

#[tokio::test]
async fn lowered_ceiling_does_not_apply_at_refresh() {
    for (mock, scope) in [
        (TestServer::documented().await, json!("13")),
        (TestServer::live().await, json!(["13"])),
    ] {
        let tokens = mock.tokens(&CONF, "13").await;
        mock.control("PATCH", "/clients/conf", json!({ "allowed_scopes": 1 }))
            .await;
        let answer = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
        assert_eq!(answer.json()["scope"], scope);
    }
}

#[tokio::test]
async fn refresh_goes_on_without_the_consent_and_without_the_user() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&SPA, "1").await;
    mock.control("DELETE", "/consents", json!({})).await;
    mock.control("PATCH", "/users/ada", json!({ "deleted": true }))
        .await;
    let answer = mock.token(&SPA.refresh_params(&tokens.refresh)).await;
    let tokens = Tokens::from_response(&answer);
    assert_snapshot!(mock.userinfo(&tokens.access).await.summary(), @"401 invalid_token: Invalid or expired token");
}
