//! `/revoke`: who may revoke which tokens, and responses that never reveal the outcome.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    App, CONF, Fields, OTHER, REVOKE, SPA, SandboxClient, TestServer, Tokens, config,
};

#[tokio::test]
async fn response_is_the_same_for_every_outcome() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let answer = mock.revoke(&CONF.revoke_params(&tokens.access)).await;
    assert_snapshot!(answer, @"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {}
    ");
    for fields in [
        CONF.revoke_params(&tokens.access),
        CONF.revoke_params("never-was"),
        CONF.revoke_params(&tokens.refresh)
            .with("client_secret", "wrong"),
        CONF.revoke_params(&tokens.refresh)
            .with("client_id", "nobody"),
        Fields::new(&[("token", &tokens.refresh)]),
        CONF.revoke_params("é"),
    ] {
        assert_eq!(
            mock.revoke(&fields).await.to_string(),
            answer.to_string(),
            "{fields}"
        );
    }
    let alive = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    assert_eq!(
        alive.status, 200,
        "the refresh token was never the app's to lose"
    );
}

#[tokio::test]
async fn missing_token_is_invalid_request() {
    let mock = TestServer::documented().await;
    let without = CONF.revoke_params("x").without("token");
    assert_snapshot!(mock.revoke(&without).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: a revocation requires the token
    x-mock-request: http://mock/_mock/requests/1

    {"error":"invalid_request","error_description":"Missing token parameter"}
    "#);
    assert_eq!(mock.revoke(&CONF.revoke_params("")).await.status, 400);
    assert_snapshot!(mock.get(REVOKE).await.summary(), @"405 GET method not allowed");
}

#[tokio::test]
async fn refresh_token_revocation_ends_its_access_tokens() {
    let mock = TestServer::documented().await;
    let (one, two) = (mock.tokens(&CONF, "1").await, mock.tokens(&CONF, "1").await);
    let elsewhere = mock.tokens(&OTHER, "1").await;
    let theirs = mock.tokens_of("tess", &CONF, "1").await;
    mock.revoke(&CONF.revoke_params(&one.access)).await;
    assert_snapshot!(mock.userinfo(&one.access).await.summary(), @"401 invalid_token: Invalid or expired token");
    let again = mock.token(&CONF.refresh_params(&one.refresh)).await;
    assert_eq!(again.status, 200, "the refresh token lives");
    let third = Tokens::from_response(&again);
    mock.revoke(&CONF.revoke_params(&third.refresh)).await;
    assert!(!mock.is_active(&third.access).await);
    assert!(
        !mock.is_active(&two.access).await,
        "of the same user and client"
    );
    assert!(
        mock.is_active(&elsewhere.access).await,
        "another client's lives"
    );
    assert!(mock.is_active(&theirs.access).await, "another user's lives");
    let other = mock.token(&CONF.refresh_params(&two.refresh)).await;
    assert_eq!(other.status, 200, "other refresh tokens live");
}

#[tokio::test]
async fn wrong_token_type_hint_is_ignored() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let fields = CONF
        .revoke_params(&tokens.access)
        .and("token_type_hint", "refresh_token");
    mock.revoke(&fields).await;
    assert!(!mock.is_active(&tokens.access).await);
}

/// Which of these tokens an app can revoke by its secret: those of its own, of its owner, of neither.
async fn reach(mock: &SandboxClient) -> String {
    let mut table = String::new();
    for (whose, user, app) in [
        ("ada's for conf", "ada", CONF),
        ("the owner's for conf", "owner", CONF),
        ("ada's for other", "ada", OTHER),
        ("the owner's for other", "owner", OTHER),
    ] {
        for revoker in [CONF, OTHER] {
            let tokens = mock.tokens_of(user, &app, "1").await;
            mock.revoke(&revoker.revoke_params(&tokens.access)).await;
            let left = if mock.is_active(&tokens.access).await {
                "lives"
            } else {
                "dies"
            };
            table += &format!("{whose}, revoked by {}: {left}\n", revoker.id);
        }
    }
    table
}

#[tokio::test]
async fn documented_client_revokes_its_tokens_and_live_client_its_owners() {
    let mock = TestServer::documented().await;
    let documented = reach(&mock).await;
    assert_snapshot!(documented, @"
    ada's for conf, revoked by conf: dies
    ada's for conf, revoked by other: lives
    the owner's for conf, revoked by conf: dies
    the owner's for conf, revoked by other: lives
    ada's for other, revoked by conf: lives
    ada's for other, revoked by other: dies
    the owner's for other, revoked by conf: lives
    the owner's for other, revoked by other: dies
    ");
    mock.set_difference(Difference::RevokeByClient, Contract::Live)
        .await;
    let live = reach(&mock).await;
    assert_snapshot!(live, @"
    ada's for conf, revoked by conf: lives
    ada's for conf, revoked by other: dies
    the owner's for conf, revoked by conf: dies
    the owner's for conf, revoked by other: lives
    ada's for other, revoked by conf: lives
    ada's for other, revoked by other: dies
    the owner's for other, revoked by conf: dies
    the owner's for other, revoked by other: lives
    ");

    let mock = TestServer::live().await;
    assert_eq!(reach(&mock).await, live);
    mock.set_difference(Difference::RevokeByClient, Contract::Documented)
        .await;
    assert_eq!(reach(&mock).await, documented);
}

#[tokio::test]
async fn revoke_by_public_client_id_alone_has_no_effect() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&SPA, "1").await;
    mock.revoke(&SPA.revoke_params(&tokens.access)).await;
    mock.revoke(&SPA.revoke_params(&tokens.access).and("client_secret", "x"))
        .await;
    assert!(mock.is_active(&tokens.access).await);
}

#[tokio::test]
async fn session_revokes_its_users_tokens_of_any_client() {
    for mock in [TestServer::documented().await, TestServer::live().await] {
        let (ada, tess) = (mock.session("ada").await, mock.session("tess").await);
        let revoke = async |app: &App, cookie: &str| {
            let tokens = mock.tokens(app, "1").await;
            let fields = Fields::new(&[("token", &tokens.access)]);
            mock.post(REVOKE, &fields).cookie(cookie).await;
            !mock.is_active(&tokens.access).await
        };
        assert!(revoke(&CONF, &ada).await && revoke(&SPA, &ada).await);
        assert!(!revoke(&CONF, &tess).await);
    }
}

#[tokio::test]
async fn basic_and_the_login_setting_are_ignored() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let fields = Fields::new(&[("token", &tokens.access)]);
    mock.post(REVOKE, &fields)
        .basic("conf", "secret-conf")
        .await;
    mock.set(json!({ "login": "ada" })).await;
    mock.revoke(&fields).await;
    assert!(mock.is_active(&tokens.access).await);
}

#[tokio::test]
async fn a_public_clients_foreign_origin_is_refused() {
    let mock = TestServer::documented().await;
    let from = |app: &App, origin: &str| {
        mock.post(REVOKE, &app.revoke_params("x"))
            .header("origin", origin)
    };
    assert_snapshot!(from(&SPA, "https://evil.example").await, @r#"
    403
    content-type: application/json
    x-mock-reason: "https://evil.example" is no allowed origin of Public App; allowed: http://localhost:3000
    x-mock-request: http://mock/_mock/requests/1

    {"error":"origin_not_allowed","error_description":"Origin is not in the registered allowedOrigins for this client."}
    "#);
    assert_snapshot!(from(&SPA, "http://localhost:3000").await, @"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: http://localhost:3000
    content-type: application/json
    vary: Origin

    {}
    ");
    assert_snapshot!(from(&CONF, "https://evil.example").await, @"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {}
    ");
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
    let fields = SPA.revoke_params("civitai_unknown");
    let revoke = |origin: &str| {
        mock.post("/api/auth/oauth/revoke", &fields)
            .header("origin", origin)
    };
    assert_eq!(revoke("http://127.0.0.1:5999").await.status, 200);
    assert_eq!(revoke("https://evil.example").await.status, 403);
}
