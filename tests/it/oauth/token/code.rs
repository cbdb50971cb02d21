//! `/token`, the code grant: its parameters, what uses a code up, and its lifetime.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    CONF, Fields, OTHER, SPA, SandboxClient, TOKEN, TestServer, Tokens, VERIFIER,
};

#[tokio::test]
async fn a_code_is_exchanged_for_tokens() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "4").await;
    assert_snapshot!(mock.token(&CONF.redeem_params(&code)).await, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":"5"}
    "#);
    let code = mock.code(&SPA, "4").await;
    let tokens = Tokens::from_response(&mock.token(&SPA.redeem_params(&code)).await);
    for token in [&tokens.access, &tokens.refresh] {
        let digits = token.strip_prefix("civitai_").unwrap();
        assert!(digits.len() == 36 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(digits, digits.to_lowercase());
    }
    assert_ne!(tokens.access, tokens.refresh);
}

#[tokio::test]
async fn the_scope_is_a_text_in_the_documentation_and_a_list_from_the_deployed_server() {
    let scope = async |mock: &SandboxClient| {
        let code = mock.code(&CONF, "5").await;
        mock.token(&CONF.redeem_params(&code)).await.json()["scope"].clone()
    };
    let mock = TestServer::documented().await;
    assert_eq!(scope(&mock).await, json!("5"));
    mock.set_difference(Difference::ScopeShape, Contract::Live)
        .await;
    assert_eq!(scope(&mock).await, json!(["5"]));

    let mock = TestServer::live().await;
    let code = mock.code(&CONF, "5").await;
    assert_snapshot!(mock.token(&CONF.redeem_params(&code)).await, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":["5"]}
    "#);
    mock.set_difference(Difference::ScopeShape, Contract::Documented)
        .await;
    assert_eq!(scope(&mock).await, json!("5"));
}

#[tokio::test]
async fn a_code_works_once_and_a_second_try_leaves_the_tokens_alive() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "1").await;
    let tokens = Tokens::from_response(&mock.token(&CONF.redeem_params(&code)).await);
    assert_snapshot!(mock.token(&CONF.redeem_params(&code)).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: authorization code already used in request 2, a moment ago
    x-mock-request: http://mock/_mock/requests/3

    {"error":"invalid_grant","error_description":"Invalid grant: authorization code is invalid"}
    "#);
    assert!(mock.is_active(&tokens.access).await);
    assert_eq!(
        mock.token(&CONF.refresh_params(&tokens.refresh))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn a_failed_verifier_or_redirect_uri_burns_the_code() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (name, value) in [
        ("code_verifier", Some("a".repeat(43))),
        ("code_verifier", Some("a".repeat(42))),
        ("code_verifier", Some("a".repeat(129))),
        ("code_verifier", Some("+".repeat(43))),
        ("code_verifier", Some(String::new())),
        ("code_verifier", None),
        (
            "redirect_uri",
            Some("https://app.example/cb?keep=1&x=a%20b".to_owned()),
        ),
        (
            "redirect_uri",
            Some("https://app.example/callback/".to_owned()),
        ),
        ("redirect_uri", Some("callback".to_owned())),
        ("redirect_uri", Some(String::new())),
        ("redirect_uri", None),
    ] {
        let code = mock.code(&CONF, "1").await;
        let fields = match &value {
            Some(value) => CONF.redeem_params(&code).with(name, value),
            None => CONF.redeem_params(&code).without(name),
        };
        let first = mock.token(&fields).await.summary();
        let second = mock.token(&CONF.redeem_params(&code)).await.summary();
        table += &format!("{name} {value:?}\n  {first}\n  then {second}\n");
    }
    assert_snapshot!(table, @r#"
    code_verifier Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
      400 invalid_grant: Invalid grant: code verifier is invalid
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    code_verifier Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
      400 invalid_request: Invalid parameter: `code_verifier`
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    code_verifier Some("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
      400 invalid_request: Invalid parameter: `code_verifier`
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    code_verifier Some("+++++++++++++++++++++++++++++++++++++++++++")
      400 invalid_request: Invalid parameter: `code_verifier`
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    code_verifier Some("")
      400 invalid_request: Missing parameter: `code_verifier`
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    code_verifier None
      400 invalid_request: Missing parameter: `code_verifier`
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    redirect_uri Some("https://app.example/cb?keep=1&x=a%20b")
      400 invalid_request: Invalid request: `redirect_uri` is invalid
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    redirect_uri Some("https://app.example/callback/")
      400 invalid_request: Invalid request: `redirect_uri` is invalid
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    redirect_uri Some("callback")
      400 invalid_request: Invalid request: `redirect_uri` is not a valid URI
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    redirect_uri Some("")
      400 invalid_request: Invalid request: `redirect_uri` is not a valid URI
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    redirect_uri None
      400 invalid_request: Invalid request: `redirect_uri` is not a valid URI
      then 400 invalid_grant: Invalid grant: authorization code is invalid
    "#);
}

#[tokio::test]
async fn failed_authentication_or_another_client_keeps_the_code() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "1").await;
    let mut table = String::new();
    for (what, fields) in [
        (
            "wrong secret",
            CONF.redeem_params(&code).with("client_secret", "wrong"),
        ),
        (
            "no secret",
            CONF.redeem_params(&code).without("client_secret"),
        ),
        ("another client", OTHER.redeem_params(&code)),
        (
            "another grant",
            CONF.redeem_params(&code)
                .with("grant_type", "refresh_token"),
        ),
        ("the client", CONF.redeem_params(&code)),
    ] {
        table += &format!("{what}: {}\n", mock.token(&fields).await.summary());
    }
    assert_snapshot!(table, @r#"
    wrong secret: 400 invalid_client: Invalid client: client is invalid
    no secret: 400 invalid_client: Invalid client: client is invalid
    another client: 400 invalid_grant: Invalid grant: authorization code is invalid
    another grant: 400 invalid_request: Missing parameter: `refresh_token`
    the client: 200 {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":"1"}
    "#);
}

#[tokio::test]
async fn missing_verifier_has_another_error_in_the_live_contract() {
    let missing = async |mock: &SandboxClient| {
        let code = mock.code(&CONF, "1").await;
        let fields = CONF.redeem_params(&code).without("code_verifier");
        mock.token(&fields).await.summary()
    };
    let mock = TestServer::documented().await;
    assert_snapshot!(missing(&mock).await, @"400 invalid_request: Missing parameter: `code_verifier`");
    mock.set_difference(Difference::MissingParameter, Contract::Live)
        .await;
    assert_snapshot!(missing(&mock).await, @"400 invalid_grant: Missing parameter: `code_verifier`");
    let mock = TestServer::live().await;
    assert_snapshot!(missing(&mock).await, @"400 invalid_grant: Missing parameter: `code_verifier`");
    mock.set_difference(Difference::MissingParameter, Contract::Documented)
        .await;
    assert_snapshot!(missing(&mock).await, @"400 invalid_request: Missing parameter: `code_verifier`");
}

#[tokio::test]
async fn missing_or_malformed_code_is_invalid_grant() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (what, fields) in [
        ("missing", CONF.redeem_params("x").without("code")),
        ("empty", CONF.redeem_params("")),
        ("not ASCII", CONF.redeem_params("é")),
        ("unknown", CONF.redeem_params("x")),
        ("a line break", CONF.redeem_params("a\nb")),
    ] {
        table += &format!("{what}: {}\n", mock.token(&fields).await.summary());
    }
    let code = mock.code(&CONF, "1").await;
    let shouted = CONF.redeem_params(&code.to_uppercase());
    table += &format!("upper case: {}\n", mock.token(&shouted).await.summary());
    assert_snapshot!(table, @"
    missing: 400 invalid_request: Missing parameter: `code`
    empty: 400 invalid_request: Missing parameter: `code`
    not ASCII: 400 invalid_request: Invalid parameter: `code`
    unknown: 400 invalid_grant: Invalid grant: authorization code is invalid
    a line break: 400 invalid_request: Invalid parameter: `code`
    upper case: 400 invalid_grant: Invalid grant: authorization code is invalid
    ");
}

#[tokio::test]
async fn challenge_that_is_no_sha_256_matches_no_verifier() {
    let mock = TestServer::documented().await;
    for challenge in [
        "short",
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=",
        VERIFIER,
    ] {
        let request = CONF.authorize_params("1").with("code_challenge", challenge);
        let code = mock.approve(&request).await.code();
        let answer = mock.token(&CONF.redeem_params(&code)).await;
        assert_eq!(answer.text("error"), "invalid_grant", "{challenge}");
    }
}

#[tokio::test]
async fn scope_in_the_exchange_is_ignored() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "5").await;
    let fields = CONF.redeem_params(&code).and("scope", "33554431");
    assert_eq!(mock.token(&fields).await.json()["scope"], "5");
}

#[tokio::test]
async fn the_last_of_duplicates_wins_and_json_is_read_like_a_form() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "1").await;
    let twice =
        Fields::new(&[("code", "bad")]).encoded() + "&" + &CONF.redeem_params(&code).encoded();
    let form = "application/x-www-form-urlencoded";
    let answer = mock.request("POST", TOKEN).body(form, twice).await;
    assert_eq!(answer.status, 200, "{answer}");
    let code = mock.code(&CONF, "1").await;
    let answer = mock
        .request("POST", TOKEN)
        .json(&CONF.redeem_params(&code).to_json())
        .await;
    assert_eq!(answer.status, 200, "{answer}");
    let code = mock.code(&CONF, "1").await;
    let mut body = CONF.redeem_params(&code).to_json();
    body["code_verifier"] = json!([VERIFIER]);
    let answer = mock.request("POST", TOKEN).json(&body).await;
    assert_snapshot!(answer.summary(), @"400 invalid_request: Invalid parameter: `code_verifier`");
}
