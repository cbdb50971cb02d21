//! `/token`, the `client_credentials` grant: the app acts for its owner.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    CONF, Fields, LOST_SECRET, NARROW, OTHER, PUBLIC_CC, SPA, SandboxClient, TOKEN, TestServer,
    Tokens, WIDE,
};

#[tokio::test]
async fn an_app_gets_a_token_of_its_owner() {
    let mock = TestServer::documented().await;
    let answer = mock
        .token(&OTHER.client_credentials().and("scope", "5"))
        .await;
    assert_snapshot!(answer, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"scope":"5"}
    "#);
    let owner = mock.userinfo(&answer.text("access_token")).await;
    assert_eq!(owner.text("username"), "ada");
}

#[tokio::test]
async fn a_refresh_token_comes_with_it_only_as_recorded() {
    let has_refresh = async |mock: &SandboxClient| {
        let answer = mock.token(&CONF.client_credentials()).await;
        answer.json().get("refresh_token").is_some()
    };
    let mock = TestServer::documented().await;
    assert!(!has_refresh(&mock).await);
    mock.set_difference(Difference::ClientCredentialsRefresh, Contract::Live)
        .await;
    assert!(!has_refresh(&mock).await);
    mock.set_difference(Difference::ClientCredentialsRefresh, Contract::Live2026_08)
        .await;
    assert!(has_refresh(&mock).await);

    let mock = TestServer::recorded().await;
    let answer = mock
        .token(&CONF.client_credentials().and("scope", "4"))
        .await;
    assert_snapshot!(answer, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":["5"]}
    "#);
    let tokens = Tokens::from_response(&answer);
    let again = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    assert_eq!(again.json()["scope"], json!(["5"]), "and it works");
    mock.set_difference(Difference::ClientCredentialsRefresh, Contract::Documented)
        .await;
    assert!(!has_refresh(&mock).await);
}

/// What comes of each scope: the error, or the scope of the token.
async fn granted(mock: &SandboxClient) -> String {
    let mut table = String::new();
    for (app, name) in [
        (&CONF, "all"),
        (&NARROW, "models"),
        (&WIDE, "more than all"),
    ] {
        for scope in [
            None,
            Some(""),
            Some("0"),
            Some("5"),
            Some("7"),
            Some("abc"),
            Some("1abc"),
            Some(" 1"),
            Some("33554432"),
            Some("134217728"),
            Some("-1"),
            Some("1\""),
            Some("é"),
        ] {
            let mut fields = app.client_credentials();
            if let Some(scope) = scope {
                fields = fields.and("scope", scope);
            }
            let answer = mock.token(&fields).await;
            let outcome = match answer.status {
                200 => format!("token for {}", answer.json()["scope"]),
                _ => answer.summary(),
            };
            table += &format!("{name} {scope:?}: {outcome}\n");
        }
    }
    table
}

#[tokio::test]
async fn without_a_scope_it_is_all_the_app_may_have_in_the_documentation() {
    let mock = TestServer::documented().await;
    let documented = granted(&mock).await;
    assert_snapshot!(documented, @r#"
    all None: token for "33554431"
    all Some(""): 400 invalid_scope: Invalid parameter: `scope`
    all Some("0"): token for "1"
    all Some("5"): token for "5"
    all Some("7"): token for "7"
    all Some("abc"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some("1abc"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some(" 1"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some("33554432"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some("134217728"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some("-1"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some("1\""): 400 invalid_scope: Invalid parameter: `scope`
    all Some("é"): 400 invalid_scope: Invalid parameter: `scope`
    models None: token for "5"
    models Some(""): 400 invalid_scope: Invalid parameter: `scope`
    models Some("0"): token for "1"
    models Some("5"): token for "5"
    models Some("7"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("abc"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("1abc"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some(" 1"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("33554432"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("134217728"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("-1"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("1\""): 400 invalid_scope: Invalid parameter: `scope`
    models Some("é"): 400 invalid_scope: Invalid parameter: `scope`
    more than all None: token for "134217727"
    more than all Some(""): 400 invalid_scope: Invalid parameter: `scope`
    more than all Some("0"): token for "1"
    more than all Some("5"): token for "5"
    more than all Some("7"): token for "7"
    more than all Some("abc"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some("1abc"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some(" 1"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some("33554432"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some("134217728"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some("-1"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some("1\""): 400 invalid_scope: Invalid parameter: `scope`
    more than all Some("é"): 400 invalid_scope: Invalid parameter: `scope`
    "#);
    mock.set(
        json!({ "contract": "live", "differences": { "client-credentials-scope": "documented",
        "client-credentials-ceiling": "documented", "scope-syntax": "documented", "scope-shape": "documented" } }),
    )
    .await;
    assert_eq!(granted(&mock).await, documented);
}

#[tokio::test]
async fn without_a_readable_scope_it_is_user_read_at_the_deployed_server() {
    let mock = TestServer::live().await;
    let live = granted(&mock).await;
    assert_snapshot!(live, @r#"
    all None: token for ["1"]
    all Some(""): 400 invalid_scope: Invalid parameter: `scope`
    all Some("0"): token for ["1"]
    all Some("5"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some("7"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some("abc"): token for ["1"]
    all Some("1abc"): token for ["1"]
    all Some(" 1"): token for ["1"]
    all Some("33554432"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some("134217728"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    all Some("-1"): token for ["1"]
    all Some("1\""): 400 invalid_scope: Invalid parameter: `scope`
    all Some("é"): 400 invalid_scope: Invalid parameter: `scope`
    models None: token for ["1"]
    models Some(""): 400 invalid_scope: Invalid parameter: `scope`
    models Some("0"): token for ["1"]
    models Some("5"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("7"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("abc"): token for ["1"]
    models Some("1abc"): token for ["1"]
    models Some(" 1"): token for ["1"]
    models Some("33554432"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("134217728"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    models Some("-1"): token for ["1"]
    models Some("1\""): 400 invalid_scope: Invalid parameter: `scope`
    models Some("é"): 400 invalid_scope: Invalid parameter: `scope`
    more than all None: token for ["1"]
    more than all Some(""): 400 invalid_scope: Invalid parameter: `scope`
    more than all Some("0"): token for ["1"]
    more than all Some("5"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some("7"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some("abc"): token for ["1"]
    more than all Some("1abc"): token for ["1"]
    more than all Some(" 1"): token for ["1"]
    more than all Some("33554432"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some("134217728"): 400 invalid_scope: Invalid scope: Requested scope is invalid
    more than all Some("-1"): token for ["1"]
    more than all Some("1\""): 400 invalid_scope: Invalid parameter: `scope`
    more than all Some("é"): 400 invalid_scope: Invalid parameter: `scope`
    "#);
    mock.set(
        json!({ "contract": "documented", "differences": { "client-credentials-scope": "live",
        "client-credentials-ceiling": "live", "scope-syntax": "live", "scope-shape": "live" } }),
    )
    .await;
    assert_eq!(granted(&mock).await, live);
}

/// The response to a public client with this secret.
async fn public(mock: &SandboxClient, secrets: &[Option<&str>]) -> String {
    let mut table = String::new();
    for app in [&PUBLIC_CC, &SPA] {
        for secret in secrets {
            let mut fields = app.client_credentials();
            if let Some(secret) = secret {
                fields = fields.and("client_secret", secret);
            }
            let summary = match mock.token(&fields).await {
                answer if answer.status == 200 => "200".to_owned(),
                answer => answer.summary(),
            };
            table += &format!("{} {secret:?}: {summary}\n", app.id);
        }
    }
    table
}

#[tokio::test]
async fn it_is_for_confidential_clients_in_the_documentation() {
    let made_up = [Some("made-up")];
    let mock = TestServer::documented().await;
    let documented = public(&mock, &made_up).await;
    assert_snapshot!(documented, @r#"
    public-cc Some("made-up"): 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    spa Some("made-up"): 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    "#);
    mock.set(json!({ "contract": "live", "differences":
        { "client-credentials-public": "documented", "missing-parameter": "documented" } }))
        .await;
    assert_eq!(public(&mock, &made_up).await, documented);
}

#[tokio::test]
async fn it_is_for_any_client_with_any_secret_as_recorded() {
    let secrets = [None, Some(""), Some("made-up")];
    let mock = TestServer::recorded().await;
    let live = public(&mock, &secrets).await;
    assert_snapshot!(live, @r#"
    public-cc None: 400 invalid_client: Invalid client: cannot retrieve client credentials
    public-cc Some(""): 400 invalid_client: Invalid client: cannot retrieve client credentials
    public-cc Some("made-up"): 200
    spa None: 400 invalid_client: Invalid client: cannot retrieve client credentials
    spa Some(""): 400 invalid_client: Invalid client: cannot retrieve client credentials
    spa Some("made-up"): 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    "#);
    mock.set(
        json!({ "contract": "documented", "differences": { "client-credentials-public": "live@2026-08",
        "missing-parameter": "live", "public-client-secret": "live" } }),
    )
    .await;
    assert_eq!(public(&mock, &secrets).await, live);

    let mock = TestServer::live().await;
    mock.control(
        "PATCH",
        "/clients/lost-secret",
        json!({ "grants": ["client_credentials"] }),
    )
    .await;
    let lost = mock
        .token(&LOST_SECRET.client_credentials())
        .await
        .summary();
    let live = public(&mock, &[Some("made-up")]).await + &lost;
    assert_snapshot!(live, @r#"
    public-cc Some("made-up"): 400 invalid_grant: Invalid grant: user credentials are invalid
    spa Some("made-up"): 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    400 invalid_grant: Invalid grant: user credentials are invalid
    "#);
}

#[tokio::test]
async fn a_wrong_secret_gets_nothing() {
    let refused = async |mock: TestServer| {
        let wrong = CONF.client_credentials().with("client_secret", "wrong");
        let wrong = mock.token(&wrong).await.summary();
        let lost = mock
            .token(&LOST_SECRET.client_credentials())
            .await
            .summary();
        let grant = Fields::new(&[("grant_type", "client_credentials")]);
        let by_basic = mock.post(TOKEN, &grant).basic("conf", "secret-conf").await;
        assert_eq!(by_basic.status, 200, "{by_basic}");
        format!("wrong: {wrong}\nnone stored: {lost}")
    };
    let documented = refused(TestServer::documented().await).await;
    assert_snapshot!(documented, @"
    wrong: 400 invalid_client: Invalid client: client is invalid
    none stored: 400 invalid_client: Invalid client: client is invalid
    ");
    assert_eq!(refused(TestServer::recorded().await).await, documented);
    assert_snapshot!(refused(TestServer::live().await).await, @"
    wrong: 400 invalid_client: Invalid client: client is invalid
    none stored: 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    ");
}
