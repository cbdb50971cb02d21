//! `/revoke`: who may revoke what, and that nobody learns whether it worked.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{App, CONF, Fields, Mock, OTHER, REVOKE, SPA, Tokens, World};

#[tokio::test]
async fn the_answer_is_the_same_whatever_happened() {
    let mock = Mock::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let answer = mock.revoke(&CONF.revokes(&tokens.access)).await;
    assert_snapshot!(answer, @"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {}
    ");
    for fields in [
        CONF.revokes(&tokens.access),
        CONF.revokes("never-was"),
        CONF.revokes(&tokens.refresh).with("client_secret", "wrong"),
        CONF.revokes(&tokens.refresh).with("client_id", "nobody"),
        Fields::of(&[("token", &tokens.refresh)]),
        CONF.revokes("é"),
    ] {
        assert_eq!(
            mock.revoke(&fields).await.to_string(),
            answer.to_string(),
            "{fields}"
        );
    }
    let alive = mock.token(&CONF.refreshes(&tokens.refresh)).await;
    assert_eq!(
        alive.status, 200,
        "the refresh token was never the app's to lose"
    );
}

#[tokio::test]
async fn a_request_without_a_token_is_told_so() {
    let mock = Mock::documented().await;
    let without = CONF.revokes("x").without("token");
    assert_snapshot!(mock.revoke(&without).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"error":"invalid_request","error_description":"Missing token parameter"}
    "#);
    assert_eq!(mock.revoke(&CONF.revokes("")).await.status, 400);
    assert_snapshot!(mock.get(REVOKE).await.gist(), @"405 GET method not allowed");
}

#[tokio::test]
async fn an_access_token_goes_alone_and_a_refresh_token_takes_all_access_tokens_along() {
    let mock = Mock::documented().await;
    let (one, two) = (mock.tokens(&CONF, "1").await, mock.tokens(&CONF, "1").await);
    let elsewhere = mock.tokens(&OTHER, "1").await;
    let theirs = mock.tokens_of("tess", &CONF, "1").await;
    mock.revoke(&CONF.revokes(&one.access)).await;
    assert_snapshot!(mock.userinfo(&one.access).await.gist(), @"401 invalid_token: Invalid or expired token");
    let again = mock.token(&CONF.refreshes(&one.refresh)).await;
    assert_eq!(again.status, 200, "the refresh token lives");
    let third = Tokens::of(&again);
    mock.revoke(&CONF.revokes(&third.refresh)).await;
    assert!(!mock.is_live(&third.access).await);
    assert!(
        !mock.is_live(&two.access).await,
        "of the same user and client"
    );
    assert!(
        mock.is_live(&elsewhere.access).await,
        "another client's lives"
    );
    assert!(mock.is_live(&theirs.access).await, "another user's lives");
    let other = mock.token(&CONF.refreshes(&two.refresh)).await;
    assert_eq!(other.status, 200, "other refresh tokens live");
}

#[tokio::test]
async fn a_hint_may_be_wrong() {
    let mock = Mock::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let fields = CONF
        .revokes(&tokens.access)
        .and("token_type_hint", "refresh_token");
    mock.revoke(&fields).await;
    assert!(!mock.is_live(&tokens.access).await);
}

/// Which of these tokens an app can revoke by its secret: those of its own, of its owner, of neither.
async fn reach(mock: &World) -> String {
    let mut table = String::new();
    for (whose, user, app) in [
        ("ada's for conf", "ada", CONF),
        ("the owner's for conf", "owner", CONF),
        ("ada's for other", "ada", OTHER),
        ("the owner's for other", "owner", OTHER),
    ] {
        for revoker in [CONF, OTHER] {
            let tokens = mock.tokens_of(user, &app, "1").await;
            mock.revoke(&revoker.revokes(&tokens.access)).await;
            let left = if mock.is_live(&tokens.access).await {
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
async fn an_app_revokes_its_own_tokens_in_the_documentation_and_its_owners_at_the_deployed_server()
{
    let mock = Mock::documented().await;
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
    mock.set_apart(Difference::RevokeByClient, Contract::Live)
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

    let mock = Mock::live().await;
    assert_eq!(reach(&mock).await, live);
    mock.set_apart(Difference::RevokeByClient, Contract::Documented)
        .await;
    assert_eq!(reach(&mock).await, documented);
}

#[tokio::test]
async fn a_public_client_revokes_nothing_by_naming_itself() {
    let mock = Mock::documented().await;
    let tokens = mock.tokens(&SPA, "1").await;
    mock.revoke(&SPA.revokes(&tokens.access)).await;
    mock.revoke(&SPA.revokes(&tokens.access).and("client_secret", "x"))
        .await;
    assert!(mock.is_live(&tokens.access).await);
}

#[tokio::test]
async fn a_signed_in_user_revokes_their_own_tokens_of_any_app() {
    for mock in [Mock::documented().await, Mock::live().await] {
        let (ada, tess) = (mock.session("ada").await, mock.session("tess").await);
        let revoke = async |app: &App, cookie: &str| {
            let tokens = mock.tokens(app, "1").await;
            let fields = Fields::of(&[("token", &tokens.access)]);
            mock.post(REVOKE, &fields).cookie(cookie).await;
            !mock.is_live(&tokens.access).await
        };
        assert!(revoke(&CONF, &ada).await && revoke(&SPA, &ada).await);
        assert!(!revoke(&CONF, &tess).await);
    }
}

#[tokio::test]
async fn basic_is_not_read_and_the_login_setting_signs_nobody_in() {
    let mock = Mock::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    let fields = Fields::of(&[("token", &tokens.access)]);
    mock.post(REVOKE, &fields)
        .basic("conf", "secret-conf")
        .await;
    mock.set(json!({ "login": "ada" })).await;
    mock.revoke(&fields).await;
    assert!(mock.is_live(&tokens.access).await);
}

#[tokio::test]
async fn a_public_clients_foreign_origin_is_refused() {
    let mock = Mock::documented().await;
    let from = |app: &App, origin: &str| {
        mock.post(REVOKE, &app.revokes("x"))
            .header("origin", origin)
    };
    assert_snapshot!(from(&SPA, "https://evil.example").await, @r#"
    403
    content-type: application/json

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
