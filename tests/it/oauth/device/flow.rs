//! The device flow (RFC 8628) from start to tokens. Refusals are `refusals.rs`, bodies, methods and limits
//! `transport.rs`, the page `pages/device.rs`.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    CLI, CONF, DEVICE_APPROVE, DEVICE_GRANT, DEVICE_INFO, DEVICE_TOKEN, Device, Fields, TestServer,
    Tokens,
};

#[tokio::test]
async fn a_device_is_started_approved_and_claims_its_tokens_once() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let started = mock.ask_device(CLI, "5").await;
    let device = Device::from_response(&started);
    assert_snapshot!(device.redacted(&started), @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"device_code":"<secret>","user_code":"<user code>","verification_uri":"http://mock/login/oauth/device","verification_uri_complete":"http://mock/login/oauth/device?code=<user code>","expires_in":900,"interval":5}
    "#);
    assert_snapshot!(mock.poll(&device).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the user has not approved the device yet
    x-mock-request: http://mock/_mock/requests/2

    {"error":"authorization_pending"}
    "#);
    assert_snapshot!(mock.approve_device(&device).await, @r#"
    200
    content-type: application/json

    {"success":true}
    "#);
    let claimed = mock.poll(&device).await;
    assert_snapshot!(claimed, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":"5"}
    "#);
    let userinfo = mock.userinfo(&claimed.text("access_token")).await;
    assert_snapshot!(userinfo.json()["username"], @r#""ada""#);
    assert_snapshot!(mock.poll(&device).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: device code already used in request 4, a moment ago
    x-mock-request: http://mock/_mock/requests/6

    {"error":"expired_token","error_description":"Device code expired"}
    "#);
}

#[tokio::test]
async fn the_scope_is_a_text_under_the_live_contract_too() {
    let mock = TestServer::live().await;
    mock.register_cli().await;
    let device = mock.device("5").await;
    mock.approve_device(&device).await;
    assert_snapshot!(mock.poll(&device).await, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":"5"}
    "#);
}

#[tokio::test]
async fn a_devices_tokens_are_refreshed_like_any_others() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("5").await;
    mock.approve_device(&device).await;
    let tokens = Tokens::from_response(&mock.poll(&device).await);
    let refresh = Fields::new(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", &tokens.refresh),
        ("client_id", CLI),
    ]);
    assert_snapshot!(mock.token(&refresh).await, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json

    {"access_token":"<token>","token_type":"Bearer","expires_in":3600,"refresh_token":"<token>","scope":"5"}
    "#);
    assert_snapshot!(mock.token(&refresh).await.summary(), @"400 invalid_grant: Invalid grant: refresh token is invalid");
}

#[tokio::test]
async fn a_sandbox_sends_its_devices_to_its_own_page() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    sandbox.register_cli().await;
    let started = sandbox.ask_device(CLI, "1").await;
    let device = Device::from_response(&started);
    assert_snapshot!(device.redacted(&started.summary()), @r#"200 {"device_code":"<secret>","user_code":"<user code>","verification_uri":"http://mock/_sandbox/x/login/oauth/device","verification_uri_complete":"http://mock/_sandbox/x/login/oauth/device?code=<user code>","expires_in":900,"interval":5}"#);

    mock.register_cli().await;
    let elsewhere = json!({ "user_code": device.user_code, "user": "ada" });
    let refused = mock
        .request("POST", "/_mock/device/approve")
        .json(&elsewhere);
    assert_snapshot!(device.redacted(&refused.await.summary()), @r#"400 invalid: "<user code>": Invalid or expired code"#);
    assert_snapshot!(mock.poll(&device).await.summary(), @"400 expired_token: Device code expired");
}

#[tokio::test]
async fn control_call_approves_for_the_named_user() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let typed = device.user_code.to_lowercase().replace('-', " ");
    let approval = json!({ "user_code": typed, "user": "tess" });
    mock.control("POST", "/device/approve", approval).await;
    let access = mock.poll(&device).await.text("access_token");
    assert_snapshot!(mock.userinfo(&access).await.json()["username"], @r#""tess""#);
}

#[tokio::test]
async fn invalid_control_calls_are_rejected_with_their_reason() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let mut table = String::new();
    for (operation, input) in [
        (
            "approve",
            json!({ "user_code": "AAAA-AAAA", "user": "ada" }),
        ),
        (
            "approve",
            json!({ "user_code": device.user_code, "user": "adda" }),
        ),
        ("approve", json!({ "user_code": device.user_code })),
        (
            "approve",
            json!({ "user_code": device.user_code, "user": 2, "by": 1 }),
        ),
        ("deny", json!({})),
        ("deny", json!({ "user_code": "AAAA-AAAA" })),
    ] {
        let path = format!("/_mock/device/{operation}");
        let answer = mock.request("POST", &path).json(&input).await;
        let line = format!("{operation} {input}\n  {} {}\n", answer.status, answer.body);
        table += &device.redacted(&line);
    }
    assert_snapshot!(table, @r#"
    approve {"user_code":"AAAA-AAAA","user":"ada"}
      400 {"error":"invalid","message":"\"AAAA-AAAA\": Invalid or expired code","path":"user_code","hint":"no device is waiting for this code: start a flow with POST /api/auth/oauth/device"}
    approve {"user_code":"<user code>","user":"adda"}
      400 {"error":"invalid","message":"no user \"adda\"","path":"user","hint":"did you mean \"ada\"?"}
    approve {"user_code":"<user code>"}
      400 {"error":"invalid","message":"missing key \"user\"","path":""}
    approve {"user_code":"<user code>","user":2,"by":1}
      400 {"error":"invalid","message":"unknown key \"by\"","path":"by","hint":"choose among user_code, user"}
    deny {}
      400 {"error":"invalid","message":"missing key \"user_code\"","path":""}
    deny {"user_code":"AAAA-AAAA"}
      400 {"error":"invalid","message":"\"AAAA-AAAA\": Invalid or expired code","path":"user_code","hint":"no device is waiting for this code: start a flow with POST /api/auth/oauth/device"}
    "#);
    assert_snapshot!(mock.poll(&device).await.summary(), @"400 authorization_pending");
}

#[tokio::test]
async fn denial_is_reported_once_and_uses_the_code_up() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let denial = json!({ "user_code": device.user_code });
    mock.control("POST", "/device/deny", denial).await;
    let after = mock.approve_device(&device).await;
    assert_snapshot!(after.summary(), @"400 invalid_code: Code already used or expired");
    assert_snapshot!(mock.poll(&device).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the app is not open to this user, or the user denied access
    x-mock-request: http://mock/_mock/requests/3

    {"error":"access_denied"}
    "#);
    assert_snapshot!(mock.poll(&device).await.summary(), @"400 expired_token: Device code expired");
    assert_snapshot!(mock.approve_device(&device).await.summary(), @"400 invalid_code: Invalid or expired code");
}

#[tokio::test]
async fn both_codes_end_after_fifteen_minutes_of_the_clock() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let (waiting, approved) = (mock.device("1").await, mock.device("1").await);
    mock.approve_device(&approved).await;
    mock.advance(880).await;
    assert_snapshot!(mock.poll(&waiting).await.summary(), @"400 authorization_pending");
    mock.advance(20).await;
    assert_snapshot!(mock.poll(&waiting).await.summary(), @"400 expired_token: Device code expired");
    assert_snapshot!(mock.poll(&approved).await.summary(), @"400 expired_token: Device code expired");
    assert_snapshot!(mock.approve_device(&waiting).await.summary(), @"400 invalid_code: Invalid or expired code");
}

#[tokio::test]
async fn poll_by_another_client_is_rejected_without_effect() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let stranger = device.polls(CONF.id);
    assert_snapshot!(mock.post(DEVICE_TOKEN, &stranger).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: device code belongs to another app, Device App (issued in request 1)
    x-mock-request: http://mock/_mock/requests/2

    {"error":"invalid_grant"}
    "#);
    mock.approve_device(&device).await;
    assert_snapshot!(mock.post(DEVICE_TOKEN, &stranger).await.summary(), @"400 invalid_grant");
    assert_eq!(mock.poll(&device).await.status, 200);
}

#[tokio::test]
async fn first_approval_wins() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    mock.approve_device(&device).await;
    let cookie = mock.session("tess").await;
    let body = json!({ "user_code": device.user_code });
    for path in [DEVICE_APPROVE, DEVICE_INFO] {
        let late = mock.request("POST", path).json(&body).cookie(&cookie).await;
        assert_eq!(late.summary(), "400 invalid_code: Invalid or expired code");
    }
    let access = mock.poll(&device).await.text("access_token");
    assert_eq!(mock.userinfo(&access).await.json()["username"], "ada");
}

#[tokio::test]
async fn a_deleted_client_or_a_lowered_ceiling_stops_the_claim() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("12").await;
    mock.approve_device(&device).await;
    let lower = json!({ "allowed_scopes": 4 });
    mock.control("PATCH", "/clients/cli", lower).await;
    assert_snapshot!(mock.poll(&device).await.summary(), @"400 invalid_scope: Requested scope exceeds client permissions");
    let higher = json!({ "allowed_scopes": 12 });
    mock.control("PATCH", "/clients/cli", higher).await;
    assert_snapshot!(mock.poll(&device).await.json()["scope"], @r#""13""#);

    let device = mock.device("4").await;
    mock.approve_device(&device).await;
    mock.control("DELETE", "/clients/cli", json!({})).await;
    assert_snapshot!(mock.poll(&device).await.summary(), @"400 invalid_grant: Unknown client");
}

#[tokio::test]
async fn approval_of_a_deleted_user_or_client_is_not_reassigned() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let guest = json!({ "username": "guest" });
    mock.control("POST", "/users", guest.clone()).await;
    let device = mock.device("1").await;
    let approval = json!({ "user_code": device.user_code, "user": "guest" });
    mock.control("POST", "/device/approve", approval).await;
    mock.control("DELETE", "/users/guest", json!({})).await;
    // Under the same id, since it is the one after the last again.
    mock.control("POST", "/users", guest).await;
    assert_snapshot!(mock.poll(&device).await.summary(), @"400 expired_token: Device code expired");

    let device = mock.device("1").await;
    mock.approve_device(&device).await;
    mock.control("DELETE", "/clients/cli", json!({})).await;
    mock.register_cli().await;
    assert_snapshot!(mock.poll(&device).await.summary(), @"400 expired_token: Device code expired");
}

#[tokio::test]
async fn user_code_is_normalized() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let cookie = mock.session("ada").await;
    let shapes: [fn(&str) -> String; 5] = [
        str::to_lowercase,
        |code| code.replace('-', ""),
        |code| code.replace('-', " ").to_lowercase(),
        |code| format!("  {code} "),
        |code| code.chars().flat_map(|c| [c, ' ']).collect(),
    ];
    for shape in shapes {
        let device = mock.device("1").await;
        let typed = Fields::new(&[("user_code", &shape(&device.user_code))]);
        for path in [DEVICE_INFO, DEVICE_APPROVE] {
            let answer = mock.post(path, &typed).cookie(&cookie).await;
            assert_eq!(answer.status, 200, "{typed}: {answer}");
        }
        assert_eq!(mock.poll(&device).await.status, 200);
    }
}

#[tokio::test]
async fn token_endpoint_rejects_the_device_grant() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    mock.approve_device(&device).await;
    assert_eq!(device.polls(CLI).get("grant_type"), Some(DEVICE_GRANT));
    assert_snapshot!(mock.token(&device.polls(CLI)).await.summary(), @"400 invalid_client: Invalid client: cannot retrieve client credentials");
    assert_eq!(mock.poll(&device).await.status, 200);
}
