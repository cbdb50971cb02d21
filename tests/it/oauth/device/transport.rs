//! The device flow's endpoints: content types, methods, preflights, rate limits.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    CLI, CONF, DEVICE, DEVICE_APPROVE, DEVICE_GRANT, DEVICE_INFO, DEVICE_TOKEN, Fields, TestServer,
};

fn multipart(fields: &Fields) -> String {
    let object = fields.to_json();
    let parts = object.as_object().into_iter().flatten();
    let part = |(name, value): (&String, &serde_json::Value)| {
        let value = value.as_str().unwrap_or_default();
        format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    parts.map(part).collect::<String>() + "--cut--\r\n"
}

const MULTIPART: &str = "multipart/form-data; boundary=cut";

#[tokio::test]
async fn a_device_is_started_by_forms_only_but_polls_by_json_too() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let start = Fields::new(&[("client_id", CLI)]);
    let poll = mock.device("1").await.polls(CLI);
    let mut table = String::new();
    for (path, fields) in [(DEVICE, &start), (DEVICE_TOKEN, &poll)] {
        let (json, form) = (fields.to_json().to_string(), fields.encoded());
        for (kind, body) in [
            ("application/x-www-form-urlencoded", form.clone()),
            (MULTIPART, multipart(fields)),
            ("application/json", json.clone()),
            ("text/plain", form),
            ("application/json", json[1..].to_owned()),
        ] {
            let answer = mock.request("POST", path).body(kind, body).await;
            let summary = match answer.status {
                200 => "200 started".to_owned(),
                _ => answer.summary(),
            };
            table += &format!("{path} {kind}: {summary}\n");
        }
    }
    assert_snapshot!(table, @"
    /api/auth/oauth/device application/x-www-form-urlencoded: 200 started
    /api/auth/oauth/device multipart/form-data; boundary=cut: 200 started
    /api/auth/oauth/device application/json: 400 invalid_request: Missing client_id
    /api/auth/oauth/device text/plain: 400 invalid_request: Missing client_id
    /api/auth/oauth/device application/json: 400 invalid_request: Missing client_id
    /api/auth/oauth/device-token application/x-www-form-urlencoded: 400 authorization_pending
    /api/auth/oauth/device-token multipart/form-data; boundary=cut: 400 authorization_pending
    /api/auth/oauth/device-token application/json: 400 authorization_pending
    /api/auth/oauth/device-token text/plain: 400 unsupported_grant_type
    /api/auth/oauth/device-token application/json: 400 unsupported_grant_type
    ");
}

#[tokio::test]
async fn a_review_is_asked_for_by_form_or_json() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let cookie = mock.session("ada").await;
    let code = Fields::new(&[("user_code", &mock.device("1").await.user_code)]);
    for (kind, body) in [
        ("application/x-www-form-urlencoded", code.encoded()),
        ("application/json", code.to_json().to_string()),
        (MULTIPART, multipart(&code)),
    ] {
        let ask = mock.request("POST", DEVICE_INFO).body(kind, body);
        let answer = ask.cookie(&cookie).await;
        assert_eq!(answer.status, 200, "{kind}: {answer}");
    }
}

#[tokio::test]
async fn cors_is_open_for_start_but_not_for_review() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let mut table = String::new();
    for path in [DEVICE, DEVICE_TOKEN, DEVICE_INFO, DEVICE_APPROVE] {
        for method in ["OPTIONS", "POST", "GET", "PUT"] {
            let ask = mock.request(method, path);
            let answer = ask.header("origin", "https://elsewhere.example").await;
            table += &format!("{method} {path}\n{answer}\n");
        }
    }
    assert_snapshot!(table, @r#"
    OPTIONS /api/auth/oauth/device
    204
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *

    POST /api/auth/oauth/device
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: client_id is required
    x-mock-request: http://mock/_mock/requests/2

    {"error":"invalid_request","error_description":"Missing client_id"}

    GET /api/auth/oauth/device
    405
    allow: POST, OPTIONS
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method GET
    x-mock-request: http://mock/_mock/requests/3

    GET method not allowed

    PUT /api/auth/oauth/device
    405
    allow: POST, OPTIONS
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method PUT
    x-mock-request: http://mock/_mock/requests/4

    PUT method not allowed

    OPTIONS /api/auth/oauth/device-token
    204
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *

    POST /api/auth/oauth/device-token
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the server supports authorization_code, refresh_token and client_credentials at /token, and the device grant at /device-token
    x-mock-request: http://mock/_mock/requests/6

    {"error":"unsupported_grant_type"}

    GET /api/auth/oauth/device-token
    405
    allow: POST, OPTIONS
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method GET
    x-mock-request: http://mock/_mock/requests/7

    GET method not allowed

    PUT /api/auth/oauth/device-token
    405
    allow: POST, OPTIONS
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method PUT
    x-mock-request: http://mock/_mock/requests/8

    PUT method not allowed

    OPTIONS /api/auth/oauth/device-info
    405
    allow: POST
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method OPTIONS
    x-mock-request: http://mock/_mock/requests/9

    OPTIONS method not allowed

    POST /api/auth/oauth/device-info
    401
    content-type: application/json
    x-mock-reason: no user is signed in to this browser
    x-mock-request: http://mock/_mock/requests/10

    {"error":"unauthorized"}

    GET /api/auth/oauth/device-info
    405
    allow: POST
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method GET
    x-mock-request: http://mock/_mock/requests/11

    GET method not allowed

    PUT /api/auth/oauth/device-info
    405
    allow: POST
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method PUT
    x-mock-request: http://mock/_mock/requests/12

    PUT method not allowed

    OPTIONS /api/auth/oauth/device-approve
    405
    allow: POST
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method OPTIONS
    x-mock-request: http://mock/_mock/requests/13

    OPTIONS method not allowed

    POST /api/auth/oauth/device-approve
    401
    content-type: application/json
    x-mock-reason: no user is signed in to this browser
    x-mock-request: http://mock/_mock/requests/14

    {"error":"unauthorized"}

    GET /api/auth/oauth/device-approve
    405
    allow: POST
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method GET
    x-mock-request: http://mock/_mock/requests/15

    GET method not allowed

    PUT /api/auth/oauth/device-approve
    405
    allow: POST
    content-type: text/plain; charset=utf-8
    x-mock-reason: this path does not support the method PUT
    x-mock-request: http://mock/_mock/requests/16

    PUT method not allowed
    "#);
}

#[tokio::test]
async fn an_approval_from_a_foreign_origin_counts_as_at_civitai() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    let cookie = mock.session("ada").await;
    let ask = mock
        .request("POST", DEVICE_APPROVE)
        .json(&json!({ "user_code": device.user_code }))
        .header("origin", "https://elsewhere.example")
        .cookie(&cookie);
    assert_snapshot!(ask.await, @r#"
    200
    content-type: application/json

    {"success":true}
    "#);
}

#[tokio::test]
async fn starts_and_polls_of_a_client_share_twenty_requests_a_minute_as_recorded() {
    let mock = TestServer::recorded().await;
    mock.register_cli().await;
    mock.control(
        "PATCH",
        "/clients/conf",
        json!({ "grants": [DEVICE_GRANT] }),
    )
    .await;
    mock.set(json!({ "rate_limits": true })).await;
    let device = mock.device("1").await;
    for _ in 0..9 {
        assert_eq!(mock.ask_device(CLI, "1").await.status, 200);
    }
    for _ in 0..10 {
        assert_eq!(
            mock.poll(&device).await.text("error"),
            "authorization_pending"
        );
    }
    assert_snapshot!(mock.poll(&device).await, @r#"
    429
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: more than 20 device requests of one client within a minute
    x-mock-request: http://mock/_mock/requests/21

    {"error":"rate_limited"}
    "#);
    assert_snapshot!(mock.ask_device(CLI, "1").await, @r#"
    429
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: more than 20 device requests of one client within a minute
    x-mock-request: http://mock/_mock/requests/22

    {"error":"rate_limited"}
    "#);

    // Another client has an allowance of its own, and so has another sandbox.
    assert_eq!(mock.ask_device(CONF.id, "1").await.status, 200);
    let sandbox = mock.sandbox("x");
    sandbox.register_cli().await;
    sandbox.set(json!({ "rate_limits": true })).await;
    assert_eq!(sandbox.ask_device(CLI, "1").await.status, 200);

    // What is refused before the client is looked at is not counted.
    let unreadable = device.polls(CLI).without("grant_type");
    assert_snapshot!(mock.post(DEVICE_TOKEN, &unreadable).await.summary(), @"400 unsupported_grant_type");

    mock.advance(61).await;
    assert_eq!(
        mock.poll(&device).await.text("error"),
        "authorization_pending"
    );
}

#[tokio::test]
async fn without_rate_limits_polls_are_never_slowed_down() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let device = mock.device("1").await;
    for _ in 0..25 {
        assert_eq!(
            mock.poll(&device).await.text("error"),
            "authorization_pending"
        );
    }
}
