//! `/token`: client authentication, and the grants of a client.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    APP_BLOCK, App, CONF, Fields, LOST_SECRET, NARROW, NO_GRANTS, ODD_SECRET, SandboxClient, TOKEN,
    TestResponse, TestServer,
};

/// The exchange of a fresh code, without any client credentials.
async fn bare(mock: &SandboxClient, app: &App) -> Fields {
    let code = mock.code(app, "1").await;
    app.redeem_params(&code)
        .without("client_id")
        .without("client_secret")
}

fn outcome(answer: &TestResponse) -> String {
    match answer.status {
        200 => "200".to_owned(),
        _ => answer.summary(),
    }
}

#[tokio::test]
async fn a_secret_comes_in_the_body_or_by_basic_and_basic_wins() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (what, (name, password), id, secret) in [
        ("basic alone", ("conf", "secret-conf"), None, None),
        (
            "basic, wrong body",
            ("conf", "secret-conf"),
            Some("narrow"),
            Some("wrong"),
        ),
        (
            "wrong basic, right body",
            ("conf", "wrong"),
            Some("conf"),
            Some("secret-conf"),
        ),
        ("unknown name", ("nobody", "secret-conf"), None, None),
        ("no password", ("conf", ""), None, None),
        (
            "no password, body",
            ("conf", ""),
            Some("conf"),
            Some("secret-conf"),
        ),
        ("no name", ("", "secret-conf"), Some("conf"), None),
    ] {
        let mut fields = bare(&mock, &CONF).await;
        if let Some(id) = id {
            fields = fields.and("client_id", id);
        }
        if let Some(secret) = secret {
            fields = fields.and("client_secret", secret);
        }
        let answer = mock.post(TOKEN, &fields).basic(name, password).await;
        table += &format!("{what}: {}\n", outcome(&answer));
    }
    assert_snapshot!(table, @"
    basic alone: 200
    basic, wrong body: 200
    wrong basic, right body: 401 invalid_client: Invalid client: client is invalid
    unknown name: 401 invalid_client: Invalid client: client is invalid
    no password: 401 invalid_client: Invalid client: client is invalid
    no password, body: 401 invalid_client: Invalid client: client is invalid
    no name: 400 invalid_request: Missing parameter: `client_id`
    ");
}

#[tokio::test]
async fn a_failure_by_header_is_401_without_a_challenge_and_by_body_400() {
    let mock = TestServer::documented().await;
    let fields = bare(&mock, &CONF).await;
    assert_snapshot!(mock.post(TOKEN, &fields).basic("conf", "wrong").await, @r#"
    401
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: wrong client_secret for Conf App
    x-mock-request: http://mock/_mock/requests/2

    {"error":"invalid_client","error_description":"Invalid client: client is invalid"}
    "#);
    let by_body = fields
        .and("client_id", "conf")
        .and("client_secret", "wrong");
    assert_snapshot!(mock.token(&by_body).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: wrong client_secret for Conf App
    x-mock-request: http://mock/_mock/requests/3

    {"error":"invalid_client","error_description":"Invalid client: client is invalid"}
    "#);
    let any_header = mock
        .post(TOKEN, &by_body)
        .header("authorization", "Bearer x");
    assert_snapshot!(any_header.await.summary(), @"401 invalid_client: Invalid client: client is invalid");
}

#[tokio::test]
async fn malformed_authorization_header_is_400_in_both_contracts() {
    let mock = TestServer::documented().await;
    let documented = unreadable_headers(&mock).await;
    assert_snapshot!(documented, @r#"
    "Basic": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "Basic ": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "Basic !!!": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "Basic Y29uZg==": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "basic Y29uZjpzZWNyZXQtY29uZg==": 200
    "Bearer abc": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "garbage": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "#);
    let mock = TestServer::live().await;
    assert_eq!(unreadable_headers(&mock).await, documented);
}

async fn unreadable_headers(mock: &SandboxClient) -> String {
    let mut table = String::new();
    for header in [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic Y29uZg==",
        "basic Y29uZjpzZWNyZXQtY29uZg==",
        "Bearer abc",
        "garbage",
    ] {
        let fields = bare(mock, &CONF).await;
        let answer = mock
            .post(TOKEN, &fields)
            .header("authorization", header)
            .await;
        table += &format!("{header:?}: {}\n", outcome(&answer));
    }
    table
}

#[tokio::test]
async fn basic_credentials_are_not_percent_decoded() {
    let mock = TestServer::documented().await;
    let fields = bare(&mock, &ODD_SECRET).await;
    let answer = mock
        .post(TOKEN, &fields)
        .basic("odd-secret", "s%3Ae%2520c%20r%2Bt")
        .await;
    assert_eq!(answer.status, 401, "{answer}");
    let answer = mock
        .post(TOKEN, &fields)
        .basic("odd-secret", "s:e%20c r+t")
        .await;
    assert_eq!(answer.status, 200, "{answer}");
}

#[tokio::test]
async fn a_confidential_client_needs_its_own_secret() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (what, app, secret) in [
        ("its own", &CONF, Some("secret-conf")),
        ("another client's", &CONF, Some("secret-narrow")),
        ("none", &CONF, None),
        ("empty", &CONF, Some("")),
        ("in capitals", &CONF, Some("SECRET-CONF")),
        ("not ASCII", &CONF, Some("sécret")),
        ("any, where none is stored", &LOST_SECRET, Some("anything")),
        ("none, where none is stored", &LOST_SECRET, None),
    ] {
        let mut fields = bare(&mock, app).await.and("client_id", app.id);
        if let Some(secret) = secret {
            fields = fields.and("client_secret", secret);
        }
        table += &format!("{what}: {}\n", outcome(&mock.token(&fields).await));
    }
    assert_snapshot!(table, @"
    its own: 200
    another client's: 400 invalid_client: Invalid client: client is invalid
    none: 400 invalid_client: Invalid client: client is invalid
    empty: 400 invalid_client: Invalid client: client is invalid
    in capitals: 400 invalid_client: Invalid client: client is invalid
    not ASCII: 400 invalid_request: Invalid parameter: `client_secret`
    any, where none is stored: 400 invalid_client: Invalid client: client is invalid
    none, where none is stored: 400 invalid_client: Invalid client: client is invalid
    ");
}

#[tokio::test]
async fn a_grant_is_known_and_allowed_to_the_client() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (app, grant) in [
        (&CONF, ""),
        (&CONF, "password"),
        (&CONF, "implicit"),
        (&CONF, "Authorization_Code"),
        (&CONF, "urn:ietf:params:oauth:grant-type:device_code"),
        (&CONF, "two words"),
        (&NO_GRANTS, "authorization_code"),
        (&NO_GRANTS, "refresh_token"),
        (&NO_GRANTS, "client_credentials"),
        (&APP_BLOCK, "password"),
        (&NARROW, "authorization_code"),
    ] {
        let fields = app.redeem_params("none").with("grant_type", grant);
        let summary = mock.token(&fields).await.summary();
        table += &format!("{} {grant:?}: {summary}\n", app.id);
    }
    assert_snapshot!(table, @r#"
    conf "": 400 invalid_request: Missing parameter: `grant_type`
    conf "password": 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    conf "implicit": 400 unsupported_grant_type: Unsupported grant type: `grant_type` is invalid
    conf "Authorization_Code": 400 unsupported_grant_type: Unsupported grant type: `grant_type` is invalid
    conf "urn:ietf:params:oauth:grant-type:device_code": 400 unsupported_grant_type: Unsupported grant type: `grant_type` is invalid
    conf "two words": 400 invalid_request: Invalid parameter: `grant_type`
    no-grants "authorization_code": 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    no-grants "refresh_token": 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    no-grants "client_credentials": 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    appblk-x "password": 400 unauthorized_client: Unauthorized client: `grant_type` is invalid
    narrow "authorization_code": 400 invalid_grant: Invalid grant: authorization code is invalid
    "#);
}

#[tokio::test]
async fn deleted_client_is_unknown() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&NARROW, "1").await;
    mock.control("DELETE", "/clients/narrow", json!({})).await;
    assert_snapshot!(mock.token(&NARROW.refresh_params(&tokens.refresh)).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: no app has the client_id "narrow"
    x-mock-request: http://mock/_mock/requests/3

    {"error":"invalid_client","error_description":"Invalid client: client is invalid"}
    "#);
    assert!(!mock.is_active(&tokens.access).await);
}

#[tokio::test]
async fn other_methods_get_405_with_allow() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.get(TOKEN).await, @"
    405
    allow: POST, OPTIONS
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method GET
    x-mock-request: http://mock/_mock/requests/1

    GET method not allowed
    ");
    for path in ["/api/oauth/token", "/v1/oauth/token"] {
        assert_eq!(mock.get(path).await.status, 405, "{path}");
    }
}

#[tokio::test]
async fn empty_authorization_header_counts_as_missing() {
    let mock = TestServer::live().await;
    let wrong = CONF.client_credentials().with("client_secret", "wrong");
    let answer = mock.post(TOKEN, &wrong).header("authorization", "").await;
    assert_snapshot!(answer.summary(), @"400 invalid_client: Invalid client: client is invalid");
    let answer = mock
        .post(TOKEN, &wrong)
        .header("authorization", "Bearer x")
        .await;
    assert_snapshot!(answer.summary(), @"401 invalid_client: Invalid client: client is invalid");
}
