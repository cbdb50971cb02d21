//! Effects of faults: errors, custom responses, delays, broken connections. Which calls they apply to is in
//! `faults.rs`.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{AUTHORIZE, CONF, SandboxClient, Stopwatch, TOKEN, TestServer, USERINFO};

async fn set(mock: &SandboxClient, effect: Value) {
    mock.control("DELETE", "/faults", json!({})).await;
    mock.control("POST", "/faults", json!({ "effect": effect }))
        .await;
}

#[tokio::test]
async fn error_fault_has_the_format_of_the_endpoint() {
    let mock = TestServer::documented().await;
    set(
        &mock,
        json!({ "error": "invalid_grant", "error_description": "Because" }),
    )
    .await;
    assert_snapshot!(mock.token(&CONF.client_credentials()).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: fault 1 replaced the response; in production, this response means: the code or token is already used, expired, revoked or issued to another app
    x-mock-request: http://mock/_mock/requests/1

    {"error":"invalid_grant","error_description":"Because"}
    "#);
    assert_snapshot!(mock.get(USERINFO).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: fault 1 replaced the response; in production, this response means: the code or token is already used, expired, revoked or issued to another app
    x-mock-request: http://mock/_mock/requests/2

    {"error":"invalid_grant","error_description":"Because"}
    "#);
    assert_snapshot!(mock.get(AUTHORIZE).await, @r#"
    400
    content-type: application/json
    x-mock-reason: fault 1 replaced the response; in production, this response means: the code or token is already used, expired, revoked or issued to another app
    x-mock-request: http://mock/_mock/requests/3

    {"error":"invalid_grant","error_description":"Because"}
    "#);
    let mut table = String::new();
    for effect in [
        json!({ "error": "rate_limited" }),
        json!({ "error": "slow_down" }),
        json!({ "error": "server_error" }),
        json!({ "error": "temporarily_unavailable" }),
        json!({ "error": "invalid_token" }),
        json!({ "error": "access_denied" }),
        json!({ "error": "of_my_own", "status": 418 }),
    ] {
        set(&mock, effect.clone()).await;
        table += &format!(
            "{effect}: {}\n",
            mock.token(&CONF.client_credentials()).await.summary()
        );
    }
    assert_snapshot!(table, @r#"
    {"error":"rate_limited"}: 429 rate_limited
    {"error":"slow_down"}: 400 slow_down
    {"error":"server_error"}: 500 server_error
    {"error":"temporarily_unavailable"}: 503 temporarily_unavailable
    {"error":"invalid_token"}: 401 invalid_token
    {"error":"access_denied"}: 403 access_denied
    {"error":"of_my_own","status":418}: 418 of_my_own
    "#);
}

#[tokio::test]
async fn custom_response_has_status_body_and_headers() {
    let mock = TestServer::documented().await;
    set(
        &mock,
        json!({ "status": 429, "headers": { "Retry-After": 30 } }),
    )
    .await;
    assert_snapshot!(mock.token(&CONF.client_credentials()).await, @"
    429
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    retry-after: 30
    x-mock-reason: fault 1 replaced the response
    x-mock-request: http://mock/_mock/requests/1
    ");
    set(&mock, json!({ "status": 502, "body": "<h1>Bad Gateway</h1>", "headers": { "content-type": "text/html" } })).await;
    let page = mock.token(&CONF.client_credentials()).await;
    assert_eq!(
        (page.status, page.body.as_str()),
        (502, "<h1>Bad Gateway</h1>")
    );
    assert_eq!(page.header("content-type").as_deref(), Some("text/html"));
    set(
        &mock,
        json!({ "body": { "access_token": "t", "expires_in": "3600" } }),
    )
    .await;
    assert_snapshot!(mock.token(&CONF.client_credentials()).await, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"t","expires_in":"3600"}
    "#);
    // The true answer, under a wrong name.
    set(
        &mock,
        json!({ "headers": { "Content-Type": "text/plain", "x-extra": "1" } }),
    )
    .await;
    let tokens = mock.token(&CONF.client_credentials()).await;
    assert_eq!(tokens.header("content-type").as_deref(), Some("text/plain"));
    assert_eq!(tokens.header("x-extra").as_deref(), Some("1"));
    assert!(mock.is_active(&tokens.text("access_token")).await);
}

#[tokio::test]
async fn fault_responses_have_cors_headers() {
    let mock = TestServer::documented().await;
    for effect in [
        json!({ "error": "invalid_grant" }),
        json!({ "status": 503 }),
        json!({ "status": 503, "body": "x" }),
        json!({ "malformed_json": true }),
        json!({ "headers": { "content-type": "text/plain" } }),
    ] {
        set(&mock, effect.clone()).await;
        for answer in [
            mock.token(&CONF.client_credentials()).await,
            mock.get(USERINFO).await,
            mock.revoke(&CONF.revoke_params("x")).await,
        ] {
            assert_eq!(
                answer.header("access-control-allow-origin").as_deref(),
                Some("*"),
                "{effect} {answer}"
            );
        }
    }
}

#[tokio::test]
async fn delay_does_not_block_other_requests() {
    let mock = TestServer::documented().await;
    let itself = CONF.client_credentials();
    let delayed = json!({ "endpoint": "token", "effect": { "delay": "600s" } });
    mock.control("POST", "/faults", delayed).await;
    let others = async {
        for _ in 0..5 {
            mock.get(USERINFO).await;
            mock.sandbox("x").token(&itself).await;
        }
    };
    tokio::select! {
        answer = mock.token(&itself) => panic!("it takes ten minutes: {answer}"),
        () = others => {}
    }
    mock.control("DELETE", "/faults", json!({})).await;
    set(&mock, json!({ "delay": "300ms" })).await;
    let began = Stopwatch::start();
    let answer = mock.token(&itself).await;
    assert_eq!(answer.status, 200, "a delay alone changes nothing else");
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(300), "{took:?}");
    // A sandbox's clock has nothing to do with it.
    mock.control("POST", "/clock/freeze", json!({})).await;
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 200);
}

#[tokio::test]
async fn a_random_delay_keeps_within_its_bounds() {
    let mock = TestServer::documented().await;
    set(
        &mock,
        json!({ "delay": { "min": "40ms", "max": "60ms" }, "status": 503 }),
    )
    .await;
    let began = Stopwatch::start();
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 503);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(40), "{took:?}");
}

#[tokio::test]
async fn disconnected_request_still_completes() {
    let mock = TestServer::documented().await;
    let tokens = mock.tokens(&CONF, "1").await;
    mock.control("DELETE", "/requests", json!({})).await;
    set(&mock, json!({ "delay": "300ms" })).await;
    let refresh = CONF.refresh_params(&tokens.refresh);
    let is_triggered = async {
        while mock.control("GET", "/faults", json!({})).await["faults"][0]["triggered"] == 0 {}
    };
    tokio::select! {
        answer = mock.token(&refresh) => panic!("it is slow: {answer}"),
        () = is_triggered => {}
    }
    let came = mock
        .control("GET", "/requests?wait=5s&endpoint=token", json!({}))
        .await;
    assert_eq!(came["requests"][0]["status"], 200, "{came}");
    mock.control("DELETE", "/faults", json!({})).await;
    let again = mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    assert_eq!(
        again.text("error"),
        "invalid_grant",
        "the refresh token is used up"
    );
}

/// What a client library makes of the answer.
async fn error_of(mock: &SandboxClient) -> String {
    let sent = reqwest::Client::new()
        .post(format!("{}{TOKEN}", mock.base))
        .body("");
    match sent.send().await {
        Err(error) if error.is_connect() => "no connection".to_owned(),
        Err(_) => "no answer".to_owned(),
        Ok(answer) => match answer.text().await {
            Err(_) => "half an answer".to_owned(),
            Ok(text) => match serde_json::from_str::<Value>(&text) {
                Err(_) => format!("no JSON: {text}"),
                Ok(_) => "an answer".to_owned(),
            },
        },
    }
}

#[tokio::test]
async fn connection_and_body_faults_apply() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for effect in [
        json!({ "reset_connection": true }),
        json!({ "truncate_body": true }),
        json!({ "malformed_json": true }),
        json!({ "malformed_json": true, "status": 204 }),
        json!({ "reset_connection": true, "delay": "1ms" }),
    ] {
        set(&mock, effect.clone()).await;
        table += &format!("{effect}: {}\n", error_of(&mock).await);
    }
    mock.control("DELETE", "/faults", json!({})).await;
    table += &format!("none: {}\n", error_of(&mock).await);
    assert_snapshot!(table, @r#"
    {"reset_connection":true}: no answer
    {"truncate_body":true}: half an answer
    {"malformed_json":true}: no JSON: {"error":"invalid_request","error_descri
    {"malformed_json":true,"status":204}: no JSON: 
    {"reset_connection":true,"delay":"1ms"}: no answer
    none: an answer
    "#);
}

#[tokio::test]
async fn journal_shows_reset_and_corrupted_responses() {
    let mock = TestServer::documented().await;
    set(&mock, json!({ "reset_connection": true })).await;
    error_of(&mock).await;
    let came = mock.control("GET", "/requests", json!({})).await;
    assert_eq!(
        (
            &came["requests"][0]["status"],
            &came["requests"][0]["faults"]
        ),
        (&Value::Null, &json!([1]))
    );
    set(&mock, json!({ "malformed_json": true })).await;
    let spoilt = mock.token(&CONF.client_credentials()).await;
    assert_eq!(
        (spoilt.status, spoilt.header("content-type").as_deref()),
        (200, Some("application/json"))
    );
    assert!(serde_json::from_str::<Value>(&spoilt.body).is_err());
}

#[tokio::test]
async fn slow_body_arrives_complete() {
    let mock = TestServer::documented().await;
    set(&mock, json!({ "slow_body": true })).await;
    let began = Stopwatch::start();
    let sent = reqwest::Client::new()
        .post(format!("{}{TOKEN}", mock.base))
        .body("");
    let mut answer = sent.send().await.unwrap();
    let head = began.elapsed();
    let mut pieces = Vec::new();
    while let Some(piece) = answer.chunk().await.unwrap() {
        pieces.push(piece);
    }
    let whole = began.elapsed();
    assert!(pieces.len() > 5, "{pieces:?}");
    assert!(serde_json::from_slice::<Value>(&pieces.concat()).is_ok());
    assert!(
        head < Duration::from_secs(1) && whole > Duration::from_secs(1),
        "{head:?} {whole:?}"
    );
}

#[tokio::test]
async fn deny_fault_answers_as_if_the_user_had_denied() {
    let mock = TestServer::documented().await;
    set(&mock, json!({ "deny_consent": true })).await;
    let denied = mock.authorize(&CONF.authorize_params("1")).await;
    assert_snapshot!(denied, @"
    303
    location: https://app.example/callback?error=access_denied&error_description=The+user+denied+the+authorization+request&state=xyz
    ");
    mock.control("DELETE", "/faults", json!({})).await;
    mock.set(json!({ "consent": "deny" })).await;
    let configured_login = mock.authorize(&CONF.authorize_params("1")).await;
    assert_eq!(configured_login.to_string(), denied.to_string());
}

#[tokio::test]
async fn deny_fault_waits_for_sign_in() {
    let mock = TestServer::documented().await;
    let fault = json!({ "times": 1, "effect": { "deny_consent": true } });
    mock.control("POST", "/faults", fault).await;
    let asked = format!("{AUTHORIZE}?{}", CONF.authorize_params("1").encoded());
    let stranger = mock.get(&asked).await;
    assert!(
        stranger.header("location").unwrap().contains("/login"),
        "{stranger}"
    );
    let user = mock.authorize(&CONF.authorize_params("1")).await;
    assert!(
        user.header("location").unwrap().contains("access_denied"),
        "{user}"
    );
    let left = mock.control("GET", "/faults/1", json!({})).await;
    assert_eq!(
        (&left["matched"], &left["triggered"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn a_preflight_uses_up_no_fault() {
    let mock = TestServer::documented().await;
    let fault = json!({ "times": 1, "effect": { "status": 503 } });
    mock.control("POST", "/faults", fault).await;
    assert_eq!(mock.request("OPTIONS", TOKEN).await.status, 204);
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 503);
}

#[tokio::test]
async fn custom_header_is_sent_with_a_corrupted_body() {
    let mock = TestServer::documented().await;
    let headers = json!({ "content-type": "text/html" });
    set(&mock, json!({ "malformed_json": true, "headers": headers })).await;
    let answer = mock.token(&CONF.client_credentials()).await;
    assert_eq!(answer.header("content-type").as_deref(), Some("text/html"));
}

#[tokio::test]
async fn two_faults_apply_together() {
    let mock = TestServer::documented().await;
    for effect in [
        json!({ "headers": { "x-one": "1" } }),
        json!({ "status": 503 }),
        json!({ "status": 500, "headers": { "x-two": "2" } }),
    ] {
        mock.control(
            "POST",
            "/faults",
            json!({ "endpoint": "token", "effect": effect }),
        )
        .await;
    }
    assert_snapshot!(mock.token(&CONF.client_credentials()).await, @"
    503
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    x-mock-reason: fault 2 replaced the response
    x-mock-request: http://mock/_mock/requests/1
    x-one: 1
    x-two: 2
    ");
    let came = mock.control("GET", "/requests", json!({})).await;
    assert_eq!(came["requests"][0]["faults"], json!([1, 2, 3]));
}
