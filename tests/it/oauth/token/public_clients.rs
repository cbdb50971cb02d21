//! `/token`: requests without a secret, or without a client id.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;

use crate::support::{Fields, SPA, SandboxClient, TOKEN, TestServer, Tokens};

#[tokio::test]
async fn missing_client_has_another_error_in_the_live_contract() {
    let mock = TestServer::documented().await;
    let documented = anonymous(&mock).await;
    assert_snapshot!(documented, @r#"
    "": 400 invalid_request: Missing parameter: `client_id`
    "grant_type=authorization_code": 400 invalid_request: Missing parameter: `client_id`
    "grant_type=authorization_code&client_id=": 400 invalid_request: Missing parameter: `client_id`
    "client_secret=secret-conf&grant_type=refresh_token": 400 invalid_request: Missing parameter: `client_id`
    "client_id=conf": 400 invalid_request: Missing parameter: `grant_type`
    "client_id=conf&client_secret=secret-conf": 400 invalid_request: Missing parameter: `grant_type`
    "client_id=conf&grant_type=client_credentials": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "client_id=conf&grant_type=urn%3Aother": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "#);
    mock.set_difference(Difference::MissingParameter, Contract::Live)
        .await;
    let live = anonymous(&mock).await;

    let mock = TestServer::live().await;
    assert_snapshot!(anonymous(&mock).await, @r#"
    "": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "grant_type=authorization_code": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "grant_type=authorization_code&client_id=": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "client_secret=secret-conf&grant_type=refresh_token": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "client_id=conf": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "client_id=conf&client_secret=secret-conf": 400 invalid_request: Missing parameter: `grant_type`
    "client_id=conf&grant_type=client_credentials": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "client_id=conf&grant_type=urn%3Aother": 400 invalid_client: Invalid client: cannot retrieve client credentials
    "#);
    assert_eq!(anonymous(&mock).await, live);
    mock.set_difference(Difference::MissingParameter, Contract::Documented)
        .await;
    assert_eq!(anonymous(&mock).await, documented);
}

async fn anonymous(mock: &SandboxClient) -> String {
    let mut table = String::new();
    let id = ("client_id", "conf");
    for pairs in [
        &[][..],
        &[("grant_type", "authorization_code")],
        &[("grant_type", "authorization_code"), ("client_id", "")],
        &[
            ("client_secret", "secret-conf"),
            ("grant_type", "refresh_token"),
        ],
        &[id],
        &[id, ("client_secret", "secret-conf")],
        &[id, ("grant_type", "client_credentials")],
        &[id, ("grant_type", "urn:other")],
    ] {
        let fields = Fields::new(pairs);
        let summary = mock.token(&fields).await.summary();
        table += &format!("{:?}: {summary}\n", fields.encoded());
    }
    table
}

#[tokio::test]
async fn a_public_client_that_sends_a_secret_is_refused_in_the_documentation() {
    let mock = TestServer::documented().await;
    let code = mock.code(&SPA, "1").await;
    let with_secret = SPA.redeem_params(&code).and("client_secret", "made-up");
    assert_snapshot!(mock.token(&with_secret).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: Public App is public, and the request has a client_secret
    x-mock-request: http://mock/_mock/requests/2

    {"error":"invalid_client","error_description":"Invalid client: client is invalid"}
    "#);
    let empty = SPA.redeem_params(&code).and("client_secret", "");
    let tokens = Tokens::from_response(&mock.token(&empty).await);
    let refresh = SPA.refresh_params(&tokens.refresh);
    let refused = mock
        .token(&refresh.clone().and("client_secret", "made-up"))
        .await;
    assert_eq!(refused.text("error"), "invalid_client");
    assert_eq!(
        mock.token(&refresh).await.status,
        200,
        "nothing was used up"
    );

    let code = mock.code(&SPA, "1").await;
    let with_secret = SPA.redeem_params(&code).and("client_secret", "made-up");
    mock.set_difference(Difference::PublicClientSecret, Contract::Live)
        .await;
    assert_eq!(mock.token(&with_secret).await.status, 200);
}

#[tokio::test]
async fn a_public_clients_secret_is_ignored_by_the_deployed_server() {
    let mock = TestServer::live().await;
    let code = mock.code(&SPA, "1").await;
    let with_secret = SPA.redeem_params(&code).and("client_secret", "made-up");
    assert_eq!(mock.token(&with_secret).await.status, 200);
    let code = mock.code(&SPA, "1").await;
    let fields = SPA.redeem_params(&code).without("client_id");
    let answer = mock.post(TOKEN, &fields).basic("spa", "made-up").await;
    assert_eq!(answer.status, 200);
    mock.set_difference(Difference::PublicClientSecret, Contract::Documented)
        .await;
    let code = mock.code(&SPA, "1").await;
    let fields = SPA.redeem_params(&code).without("client_id");
    assert_snapshot!(mock.post(TOKEN, &fields).basic("spa", "made-up").await, @r#"
    401
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: Public App is public, and the request has a client_secret
    x-mock-request: http://mock/_mock/requests/6

    {"error":"invalid_client","error_description":"Invalid client: client is invalid"}
    "#);
}
