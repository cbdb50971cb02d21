//! `/_mock/faults/presets/{name}`: named faults.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Fields, Stopwatch, TOKEN, TestServer};

#[tokio::test]
async fn each_preset_has_its_effect() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for preset in [
        "refresh-revoked",
        "token-endpoint-down",
        "rate-limited",
        "code-expired",
        "consent-denied",
        "slow-down",
    ] {
        mock.control("POST", "/reset", json!({})).await;
        let (tokens, code) = (mock.tokens(&CONF, "1").await, mock.code(&CONF, "1").await);
        mock.control("POST", &format!("/faults/presets/{preset}"), json!({}))
            .await;
        let poll = Fields::new(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("client_id", "spa"),
            ("device_code", "x"),
        ]);
        let summary = |answer: crate::support::TestResponse| {
            if answer.status == 200 {
                "200".to_owned()
            } else {
                answer.summary()
            }
        };
        table += &format!(
            "{preset}\n  code: {}\n  refresh: {}\n  authorize: {}\n  device-token: {}\n",
            summary(mock.token(&CONF.redeem_params(&code)).await),
            summary(mock.token(&CONF.refresh_params(&tokens.refresh)).await),
            summary(mock.authorize(&CONF.authorize_params("1")).await)
                .split("?response_type")
                .next()
                .unwrap_or_default(),
            summary(mock.post("/api/auth/oauth/device-token", &poll).await),
        );
    }
    assert_snapshot!(table, @"
    refresh-revoked
      code: 200
      refresh: 400 invalid_grant: Invalid grant: refresh token is invalid
      authorize: 303 to http://mock/login/oauth/authorize
      device-token: 400 expired_token: Device code expired
    token-endpoint-down
      code: 503 Service Unavailable
      refresh: 503 Service Unavailable
      authorize: 303 to http://mock/login/oauth/authorize
      device-token: 400 expired_token: Device code expired
    rate-limited
      code: 429 rate_limited: Too many token requests
      refresh: 429 rate_limited: Too many token requests
      authorize: 303 to http://mock/login/oauth/authorize
      device-token: 400 expired_token: Device code expired
    code-expired
      code: 400 invalid_grant: Invalid grant: authorization code has expired
      refresh: 200
      authorize: 303 to http://mock/login/oauth/authorize
      device-token: 400 expired_token: Device code expired
    consent-denied
      code: 200
      refresh: 200
      authorize: 303 to https://app.example/callback?error=access_denied&error_description=The+user+denied+the+authorization+request&state=xyz
      device-token: 400 expired_token: Device code expired
    slow-down
      code: 200
      refresh: 200
      authorize: 303 to http://mock/login/oauth/authorize
      device-token: 400 slow_down
    ");
}

#[tokio::test]
async fn a_preset_answers_with_its_fault() {
    let mock = TestServer::documented().await;
    let made = mock
        .request("POST", "/_mock/faults/presets/token-endpoint-down")
        .json(&json!({ "times": 1, "client_id": "conf" }));
    assert_snapshot!(made.await, @r#"
    201
    content-type: application/json

    {"preset":"token-endpoint-down","description":"the token endpoint returns 503","fault":{"id":1,"endpoint":"token","client_id":"conf","times":1,"effect":{"status":503,"body":"Service Unavailable"},"matched":0,"triggered":0}}
    "#);
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 503);
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 200);
    let mut table = String::new();
    for (name, input) in [
        ("token-endpoint-dwn", json!({})),
        ("zzz", json!({})),
        ("rate-limited", json!({ "time": 1 })),
        ("rate-limited", json!({ "times": 0 })),
    ] {
        let answer = mock
            .request("POST", &format!("/_mock/faults/presets/{name}"))
            .json(&input)
            .await;
        table += &format!(
            "{name} {input}: {} ({})\n",
            answer.summary(),
            answer.json()["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    token-endpoint-dwn {}: 404 not_found: no preset "token-endpoint-dwn" ("did you mean \"token-endpoint-down\"?")
    zzz {}: 404 not_found: no preset "zzz" ("choose among refresh-revoked, token-endpoint-down, rate-limited, token-endpoint-slow, consent-denied, code-expired, slow-down, connection-reset, clock-skew")
    rate-limited {"time":1}: 400 invalid: unknown key "time" ("did you mean \"times\"?")
    rate-limited {"times":0}: 400 invalid: with 0 the fault never applies ("use 1 or more")
    "#);
}

#[tokio::test]
async fn a_slow_token_takes_three_seconds() {
    let mock = TestServer::documented().await;
    let made = mock
        .control("POST", "/faults/presets/token-endpoint-slow", json!({}))
        .await;
    assert_eq!(made["fault"]["effect"], json!({ "delay": 3 }));
    // The app's timeout comes first.
    let impatient = reqwest::Client::builder()
        .timeout(Duration::from_millis(50))
        .build()
        .unwrap();
    let began = Stopwatch::start();
    let answer = impatient
        .post(format!("{}{TOKEN}", mock.base))
        .body("")
        .send()
        .await;
    assert!(answer.expect_err("too slow").is_timeout() && began.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn connection_reset_preset_sends_no_response() {
    let mock = TestServer::documented().await;
    mock.control("POST", "/faults/presets/connection-reset", json!({}))
        .await;
    let sent = reqwest::Client::new()
        .post(format!("{}{TOKEN}", mock.base))
        .body("");
    assert!(sent.send().await.is_err());
}

#[tokio::test]
async fn clock_skew_preset_adds_five_minutes_until_removed() {
    let mock = TestServer::documented().await;
    mock.control(
        "POST",
        "/clock/freeze",
        json!({ "at": "2026-01-31T12:00:00Z" }),
    )
    .await;
    assert_snapshot!(mock.request("POST", "/_mock/faults/presets/clock-skew").await.body, @r#"{"preset":"clock-skew","description":"advances the server's clock by 5 minutes; POST clock/advance \"-5m\" reverts it","clock":{"now":"2026-01-31T12:05:00Z","unix_ms":1769861100000,"frozen":true,"at_end":false,"state":{"frozen":{"at":1769861100000}}}}"#);
    assert_eq!(
        mock.control("GET", "/faults", json!({})).await,
        json!({ "faults": [] })
    );
    let back = mock.control("POST", "/clock/advance", json!("-5m")).await;
    assert_eq!(back["now"], "2026-01-31T12:00:00Z");
}
