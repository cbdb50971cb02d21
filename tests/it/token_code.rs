//! `/token`, the code grant: what it takes, what burns a code, and how long one lives.

use civitai_oauth_mock::{Contract, Difference};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    CODE_ONLY, CONF, Fields, Mock, NARROW, OTHER, SPA, TOKEN, Tokens, VERIFIER, World,
};

#[tokio::test]
async fn a_code_is_exchanged_for_tokens() {
    let mock = Mock::documented().await;
    let code = mock.code(&CONF, "4").await;
    assert_snapshot!(mock.token(&CONF.redeems(&code)).await, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":"5"}
    "#);
    let code = mock.code(&SPA, "4").await;
    let tokens = Tokens::of(&mock.token(&SPA.redeems(&code)).await);
    for token in [&tokens.access, &tokens.refresh] {
        let digits = token.strip_prefix("civitai_").unwrap();
        assert!(digits.len() == 36 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(digits, digits.to_lowercase());
    }
    assert_ne!(tokens.access, tokens.refresh);
}

#[tokio::test]
async fn the_scope_is_a_text_in_the_documentation_and_a_list_from_the_deployed_server() {
    let scope = async |mock: &World| {
        let code = mock.code(&CONF, "5").await;
        mock.token(&CONF.redeems(&code)).await.json()["scope"].clone()
    };
    let mock = Mock::documented().await;
    assert_eq!(scope(&mock).await, json!("5"));
    mock.set_apart(Difference::ScopeShape, Contract::Live).await;
    assert_eq!(scope(&mock).await, json!(["5"]));

    let mock = Mock::live().await;
    let code = mock.code(&CONF, "5").await;
    assert_snapshot!(mock.token(&CONF.redeems(&code)).await, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":["5"]}
    "#);
    mock.set_apart(Difference::ScopeShape, Contract::Documented)
        .await;
    assert_eq!(scope(&mock).await, json!("5"));
}

#[tokio::test]
async fn a_code_works_once_and_a_second_try_leaves_the_tokens_alive() {
    let mock = Mock::documented().await;
    let code = mock.code(&CONF, "1").await;
    let tokens = Tokens::of(&mock.token(&CONF.redeems(&code)).await);
    assert_snapshot!(mock.token(&CONF.redeems(&code)).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"error":"invalid_grant","error_description":"Invalid grant: authorization code is invalid"}
    "#);
    assert!(mock.is_live(&tokens.access).await);
    assert_eq!(
        mock.token(&CONF.refreshes(&tokens.refresh)).await.status,
        200
    );
}

#[tokio::test]
async fn a_failed_verifier_or_redirect_uri_burns_the_code() {
    let mock = Mock::documented().await;
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
            Some(value) => CONF.redeems(&code).with(name, value),
            None => CONF.redeems(&code).without(name),
        };
        let first = mock.token(&fields).await.gist();
        let second = mock.token(&CONF.redeems(&code)).await.gist();
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
async fn a_failed_authentication_or_another_clients_try_leaves_the_code() {
    let mock = Mock::documented().await;
    let code = mock.code(&CONF, "1").await;
    let mut table = String::new();
    for (what, fields) in [
        (
            "wrong secret",
            CONF.redeems(&code).with("client_secret", "wrong"),
        ),
        ("no secret", CONF.redeems(&code).without("client_secret")),
        ("another client", OTHER.redeems(&code)),
        (
            "another grant",
            CONF.redeems(&code).with("grant_type", "refresh_token"),
        ),
        ("the client", CONF.redeems(&code)),
    ] {
        table += &format!("{what}: {}\n", mock.token(&fields).await.gist());
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
async fn a_missing_verifier_is_named_otherwise_by_the_deployed_server() {
    let missing = async |mock: &World| {
        let code = mock.code(&CONF, "1").await;
        let fields = CONF.redeems(&code).without("code_verifier");
        mock.token(&fields).await.gist()
    };
    let mock = Mock::documented().await;
    assert_snapshot!(missing(&mock).await, @"400 invalid_request: Missing parameter: `code_verifier`");
    mock.set_apart(Difference::MissingParameter, Contract::Live)
        .await;
    assert_snapshot!(missing(&mock).await, @"400 invalid_grant: Missing parameter: `code_verifier`");
    let mock = Mock::live().await;
    assert_snapshot!(missing(&mock).await, @"400 invalid_grant: Missing parameter: `code_verifier`");
    mock.set_apart(Difference::MissingParameter, Contract::Documented)
        .await;
    assert_snapshot!(missing(&mock).await, @"400 invalid_request: Missing parameter: `code_verifier`");
}

#[tokio::test]
async fn a_missing_or_impossible_code_is_no_grant() {
    let mock = Mock::documented().await;
    let mut table = String::new();
    for (what, fields) in [
        ("missing", CONF.redeems("x").without("code")),
        ("empty", CONF.redeems("")),
        ("not ASCII", CONF.redeems("é")),
        ("unknown", CONF.redeems("x")),
        ("a line break", CONF.redeems("a\nb")),
    ] {
        table += &format!("{what}: {}\n", mock.token(&fields).await.gist());
    }
    let code = mock.code(&CONF, "1").await;
    let shouted = CONF.redeems(&code.to_uppercase());
    table += &format!("upper case: {}\n", mock.token(&shouted).await.gist());
    assert_snapshot!(table, @"
    missing: 400 invalid_request: Missing parameter: `code`
    empty: 400 invalid_request: Missing parameter: `code`
    not ASCII: 400 invalid_request: Invalid parameter: `code`
    unknown: 400 invalid_grant: Invalid grant: authorization code is invalid
    a line break: 400 invalid_request: Invalid parameter: `code`
    upper case: 400 invalid_grant: Invalid grant: authorization code is invalid
    ");
}

/// What a code is worth after so many seconds.
async fn aged(mock: &World, seconds: i64) -> String {
    let code = mock.code(&CONF, "1").await;
    mock.advance(seconds).await;
    let gist = mock.token(&CONF.redeems(&code)).await.gist();
    if gist.starts_with("200") {
        "tokens".to_owned()
    } else {
        gist
    }
}

async fn life(mock: &World) -> String {
    let mut table = String::new();
    for seconds in [295, 301, 595, 601] {
        table += &format!("{seconds} s: {}\n", aged(mock, seconds).await);
    }
    table
}

#[tokio::test]
async fn a_code_lives_ten_minutes_in_the_documentation_and_five_at_the_deployed_server() {
    let mock = Mock::documented().await;
    let long = life(&mock).await;
    assert_snapshot!(long, @"
    295 s: tokens
    301 s: tokens
    595 s: tokens
    601 s: 400 invalid_grant: Invalid grant: authorization code is invalid
    ");
    mock.set_apart(Difference::CodeLifetime, Contract::Live)
        .await;
    let short = life(&mock).await;

    let mock = Mock::live().await;
    assert_snapshot!(life(&mock).await, @"
    295 s: tokens
    301 s: 400 invalid_grant: Invalid grant: authorization code has expired
    595 s: 400 invalid_grant: Invalid grant: authorization code has expired
    601 s: 400 invalid_grant: Invalid grant: authorization code is invalid
    ");
    assert_eq!(life(&mock).await, short);
    mock.set_apart(Difference::CodeLifetime, Contract::Documented)
        .await;
    assert_eq!(life(&mock).await, long);
}

#[tokio::test]
async fn the_setting_decides_a_codes_life_before_the_contract_does() {
    let mock = Mock::live().await;
    mock.set(json!({ "code_seconds": 5 })).await;
    assert_snapshot!(aged(&mock, 7).await, @"400 invalid_grant: Invalid grant: authorization code has expired");
    mock.set(json!({ "code_seconds": 3600 })).await;
    assert_eq!(aged(&mock, 3590).await, "tokens");
    mock.set(json!({ "code_seconds": null })).await;
    assert_ne!(aged(&mock, 301).await, "tokens");
}

#[tokio::test]
async fn a_ceiling_that_shrank_meanwhile_is_looked_at_again() {
    let shrunk = async |mock: &World| {
        mock.control("PATCH", "/clients/conf", json!({ "allowed_scopes": 7 }))
            .await;
        let code = mock.code(&CONF, "7").await;
        mock.control("PATCH", "/clients/conf", json!({ "allowed_scopes": 4 }))
            .await;
        mock.token(&CONF.redeems(&code)).await
    };
    let mock = Mock::documented().await;
    assert_eq!(shrunk(&mock).await.json()["scope"], "5");
    let mock = Mock::live().await;
    assert_snapshot!(shrunk(&mock).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"error":"invalid_scope","error_description":"Invalid scope: Requested scope is invalid"}
    "#);
}

#[tokio::test]
async fn scope_in_the_exchange_is_ignored() {
    let mock = Mock::documented().await;
    let code = mock.code(&CONF, "5").await;
    let fields = CONF.redeems(&code).and("scope", "33554431");
    assert_eq!(mock.token(&fields).await.json()["scope"], "5");
}

#[tokio::test]
async fn a_client_without_the_refresh_grant_gets_a_refresh_token_that_it_cannot_use() {
    let mock = Mock::documented().await;
    let tokens = mock.tokens(&CODE_ONLY, "1").await;
    assert_snapshot!(mock.token(&CODE_ONLY.refreshes(&tokens.refresh)).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"error":"unauthorized_client","error_description":"Unauthorized client: `grant_type` is invalid"}
    "#);
}

#[tokio::test]
async fn a_code_of_a_deleted_client_is_worth_nothing() {
    let mock = Mock::documented().await;
    let code = mock.code(&NARROW, "1").await;
    mock.control("DELETE", "/clients/narrow", json!({})).await;
    assert_snapshot!(mock.token(&NARROW.redeems(&code)).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"error":"invalid_client","error_description":"Invalid client: client is invalid"}
    "#);
}

#[tokio::test]
async fn the_last_of_duplicates_wins_and_json_is_read_like_a_form() {
    let mock = Mock::documented().await;
    let code = mock.code(&CONF, "1").await;
    let twice = Fields::of(&[("code", "bad")]).encoded() + "&" + &CONF.redeems(&code).encoded();
    let form = "application/x-www-form-urlencoded";
    let answer = mock.ask("POST", TOKEN).body(form, twice).await;
    assert_eq!(answer.status, 200, "{answer}");
    let code = mock.code(&CONF, "1").await;
    let answer = mock
        .ask("POST", TOKEN)
        .json(&CONF.redeems(&code).to_json())
        .await;
    assert_eq!(answer.status, 200, "{answer}");
    let code = mock.code(&CONF, "1").await;
    let mut body = CONF.redeems(&code).to_json();
    body["code_verifier"] = json!([VERIFIER]);
    let answer = mock.ask("POST", TOKEN).json(&body).await;
    assert_snapshot!(answer.gist(), @"400 invalid_request: Invalid parameter: `code_verifier`");
}
