//! The device flow: errors and their messages, and how scopes are parsed.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{
    APP_BLOCK, CLI, CONF, DEVICE, DEVICE_APPROVE, DEVICE_GRANT, DEVICE_INFO, DEVICE_TOKEN,
    DISABLED, Device, Fields, NARROW, SPA, TestServer, config,
};

/// What is seen under either contract, which must be the same.
async fn in_both_contracts(see: impl AsyncFn(&TestServer) -> String) -> String {
    let mut seen = Vec::new();
    for contract in [Contract::Documented, Contract::Live] {
        let mock = TestServer::start(config(contract)).await;
        mock.register_cli().await;
        seen.push(see(&mock).await);
    }
    assert_eq!(seen[0], seen[1], "documented, live");
    seen.swap_remove(0)
}

#[tokio::test]
async fn a_device_is_started_only_for_clients_with_the_grant() {
    let seen = in_both_contracts(async |mock| {
        let with_grant = json!({ "grants": [DEVICE_GRANT] });
        for id in [CONF.id, DISABLED.id] {
            mock.control("PATCH", &format!("/clients/{id}"), with_grant.clone())
                .await;
        }
        let mut table = String::new();
        for fields in [
            Fields::new(&[("scope", "1")]),
            Fields::new(&[("client_id", "")]),
            Fields::new(&[("client_id", "nope")]),
            Fields::new(&[("client_id", APP_BLOCK.id)]),
            Fields::new(&[("client_id", SPA.id)]),
            Fields::new(&[("client_id", "nope"), ("client_id", CLI)]),
            Fields::new(&[("client_id", CONF.id), ("client_secret", "wrong")]),
            Fields::new(&[("client_id", DISABLED.id)]),
        ] {
            let answer = mock.post(DEVICE, &fields).await;
            let summary = match answer.status {
                200 => "200 started".to_owned(),
                _ => answer.summary(),
            };
            table += &format!("{}: {summary}\n", fields.encoded());
        }
        table
    });
    assert_snapshot!(seen.await, @"
    scope=1: 400 invalid_request: Missing client_id
    client_id=: 400 invalid_request: Missing client_id
    client_id=nope: 400 invalid_client: Unknown client
    client_id=appblk-x: 400 invalid_client: This client cannot be used for the device flow
    client_id=spa: 400 unauthorized_client: Client not authorized for device flow
    client_id=nope&client_id=cli: 200 started
    client_id=conf&client_secret=wrong: 200 started
    client_id=disabled: 200 started
    ");
}

#[tokio::test]
async fn refusals_without_a_description_have_none() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    assert_snapshot!(mock.ask_device(CLI, "-1").await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: a scope is a decimal number of known bits, within the app's allowed scopes; scope was "-1"
    x-mock-request: http://mock/_mock/requests/1

    {"error":"invalid_scope"}
    "#);
    let none = Fields::default();
    assert_snapshot!(mock.post(DEVICE_TOKEN, &none).await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the server supports authorization_code, refresh_token and client_credentials at /token, and the device grant at /device-token
    x-mock-request: http://mock/_mock/requests/2

    {"error":"unsupported_grant_type"}
    "#);
    assert_snapshot!(mock.request("POST", DEVICE_INFO).await, @r#"
    401
    content-type: application/json
    x-mock-reason: no user is signed in to this browser
    x-mock-request: http://mock/_mock/requests/3

    {"error":"unauthorized"}
    "#);
}

#[tokio::test]
async fn scopes_are_read_by_their_leading_digits_and_limited_to_allowed_scopes_in_both_contracts() {
    let scopes = [
        None,
        Some(""),
        Some("0"),
        Some("5"),
        Some("4abc"),
        Some("abc"),
        Some("0x10"),
        Some(" 4"),
        Some("+4"),
        Some("4.9"),
        Some("4 8"),
        Some("-1"),
        Some("33554431"),
        Some("33554432"),
        Some("134217727"),
        Some("134217728"),
        Some("99999999999999999999"),
    ];
    let seen = in_both_contracts(async |mock| {
        let mut table = String::new();
        for scope in scopes {
            let fields = Fields::new(&[("client_id", CLI)]);
            let fields = match scope {
                Some(scope) => fields.and("scope", scope),
                None => fields,
            };
            let answer = mock.post(DEVICE, &fields).await;
            let summary = if answer.status == 200 {
                let device = Device::from_response(&answer);
                mock.approve_device(&device).await;
                mock.poll(&device).await.json()["scope"].to_string()
            } else {
                answer.summary()
            };
            table += &format!("{scope:?}: {summary}\n");
        }
        table
    });
    assert_snapshot!(seen.await, @r#"
    None: "1"
    Some(""): "1"
    Some("0"): "1"
    Some("5"): "5"
    Some("4abc"): "5"
    Some("abc"): "1"
    Some("0x10"): "1"
    Some(" 4"): "5"
    Some("+4"): "5"
    Some("4.9"): "5"
    Some("4 8"): "5"
    Some("-1"): 400 invalid_scope
    Some("33554431"): "33554431"
    Some("33554432"): 400 invalid_scope: Requested scope exceeds client permissions
    Some("134217727"): 400 invalid_scope: Requested scope exceeds client permissions
    Some("134217728"): 400 invalid_scope
    Some("99999999999999999999"): 400 invalid_scope
    "#);
}

#[tokio::test]
async fn a_scope_above_the_clients_ceiling_is_refused_in_both_contracts() {
    let seen = in_both_contracts(async |mock| {
        let with_grant = json!({ "grants": [DEVICE_GRANT] });
        mock.control("PATCH", &format!("/clients/{}", NARROW.id), with_grant)
            .await;
        assert_eq!(mock.ask_device(NARROW.id, "4").await.status, 200);
        mock.ask_device(NARROW.id, "8").await.to_string()
    });
    assert_snapshot!(seen.await, @r#"
    400
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: Narrow App may not request ModelsWrite
    x-mock-request: http://mock/_mock/requests/2

    {"error":"invalid_scope","error_description":"Requested scope exceeds client permissions"}
    "#);
}

#[tokio::test]
async fn a_poll_is_refused_for_its_grant_first_then_for_what_it_lacks() {
    let seen = in_both_contracts(async |mock| {
        let device = mock.device("1").await;
        let poll = device.polls(CLI);
        let mut table = String::new();
        for (what, fields) in [
            ("nothing at all", Fields::default()),
            ("no grant_type", poll.clone().without("grant_type")),
            (
                "another grant_type",
                poll.clone().with("grant_type", "authorization_code"),
            ),
            ("no device_code", poll.clone().without("device_code")),
            ("an empty device_code", poll.clone().with("device_code", "")),
            ("no client_id", poll.clone().without("client_id")),
            (
                "an unknown device_code",
                poll.clone().with("device_code", "x"),
            ),
            ("an unknown client", poll.clone().with("client_id", "nope")),
            (
                "an app block",
                poll.clone()
                    .with("device_code", "x")
                    .with("client_id", "appblk-x"),
            ),
            ("all of it", poll),
        ] {
            let answer = mock.post(DEVICE_TOKEN, &fields).await;
            table += &format!("{what}: {}\n", answer.summary());
        }
        table
    });
    assert_snapshot!(seen.await, @"
    nothing at all: 400 unsupported_grant_type
    no grant_type: 400 unsupported_grant_type
    another grant_type: 400 unsupported_grant_type
    no device_code: 400 invalid_request
    an empty device_code: 400 invalid_request
    no client_id: 400 invalid_request
    an unknown device_code: 400 expired_token: Device code expired
    an unknown client: 400 invalid_grant
    an app block: 400 expired_token: Device code expired
    all of it: 400 authorization_pending
    ");
}

#[tokio::test]
async fn review_returns_client_and_scopes() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let cookie = mock.session("ada").await;
    let info = async |device: &Device| {
        let body = json!({ "user_code": device.user_code });
        mock.request("POST", DEVICE_INFO)
            .json(&body)
            .cookie(&cookie)
            .await
    };
    assert_snapshot!(info(&mock.device("5").await).await, @r#"
    200
    content-type: application/json

    {"client":{"name":"Device App","description":"A CLI","logoUrl":null,"isVerified":true},"scopes":["Read profile, settings & email","Browse & download models"]}
    "#);

    let plain =
        json!({ "description": "", "logo_url": "https://app.example/logo.png", "verified": false });
    mock.control("PATCH", "/clients/cli", plain).await;
    let all = info(&mock.device("33554431").await).await.json();
    assert_snapshot!(all["client"], @r#"{"name":"Device App","description":"","logoUrl":"https://app.example/logo.png","isVerified":false}"#);
    let labels: Vec<&str> = all["scopes"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|label| label.as_str())
        .collect();
    assert_snapshot!(labels.join("\n"), @"
    Read profile, settings & email
    Update profile & settings
    Browse & download models
    Upload & edit models
    Delete models
    View images, videos & posts
    Upload media & create posts
    Delete media & posts
    Read articles
    Create & edit articles
    Delete articles
    View bounties
    Create & manage bounties
    Delete bounties
    View generation & training history
    Generate, train & scan
    View buzz balance & history
    View collections
    Manage collections
    Follow, react, comment & review
    Tip other users
    Read notifications
    Manage notification preferences
    View vault
    Manage vault
    ");
}

#[tokio::test]
async fn review_requires_a_session_and_a_pending_code() {
    let mock = TestServer::documented().await;
    mock.register_cli().await;
    let cookie = mock.session("ada").await;
    let waiting = mock.device("1").await;
    let denied = mock.device("1").await;
    let denial = json!({ "user_code": denied.user_code });
    mock.control("POST", "/device/deny", denial).await;
    let mut table = String::new();
    for path in [DEVICE_INFO, DEVICE_APPROVE] {
        let body = json!({ "user_code": waiting.user_code });
        let stranger = mock.request("POST", path).json(&body).await;
        table += &format!("{path} without a session: {}\n", stranger.summary());
        for (what, body) in [
            ("no code", json!({})),
            ("an empty code", json!({ "user_code": "" })),
            ("an unknown code", json!({ "user_code": "AAAA-AAAA" })),
            ("no code at all", json!({ "user_code": "x" })),
            ("a denied code", json!({ "user_code": denied.user_code })),
        ] {
            let answer = mock.request("POST", path).json(&body).cookie(&cookie).await;
            table += &format!("{path} with {what}: {}\n", answer.summary());
        }
    }
    assert_snapshot!(table, @"
    /api/auth/oauth/device-info without a session: 401 unauthorized
    /api/auth/oauth/device-info with no code: 400 invalid_request: Missing user_code
    /api/auth/oauth/device-info with an empty code: 400 invalid_request: Missing user_code
    /api/auth/oauth/device-info with an unknown code: 400 invalid_code: Invalid or expired code
    /api/auth/oauth/device-info with no code at all: 400 invalid_code: Invalid or expired code
    /api/auth/oauth/device-info with a denied code: 400 invalid_code: Code already used or expired
    /api/auth/oauth/device-approve without a session: 401 unauthorized
    /api/auth/oauth/device-approve with no code: 400 invalid_request: Missing user_code
    /api/auth/oauth/device-approve with an empty code: 400 invalid_request: Missing user_code
    /api/auth/oauth/device-approve with an unknown code: 400 invalid_code: Invalid or expired code
    /api/auth/oauth/device-approve with no code at all: 400 invalid_code: Invalid or expired code
    /api/auth/oauth/device-approve with a denied code: 400 invalid_code: Code already used or expired
    ");

    mock.control("DELETE", "/clients/cli", json!({})).await;
    let body = json!({ "user_code": waiting.user_code });
    let orphan = mock
        .request("POST", DEVICE_INFO)
        .json(&body)
        .cookie(&cookie);
    assert_snapshot!(orphan.await.summary(), @"400 invalid_code: Unknown application");
}
