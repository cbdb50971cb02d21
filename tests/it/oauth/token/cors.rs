//! CORS of `/token`, `/revoke` and `/userinfo`: the asterisk, or a public client's own origin.

use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Fields, REVOKE, SPA, SandboxClient, TOKEN, TestServer, USERINFO};

/// The CORS headers and `Vary` of an answer.
fn cors(answer: &crate::support::TestResponse) -> String {
    let mut output = format!("{}", answer.status);
    for name in [
        "access-control-allow-origin",
        "access-control-allow-methods",
        "access-control-allow-headers",
        "access-control-allow-credentials",
        "vary",
    ] {
        if let Some(value) = answer.header(name) {
            output += &format!(" | {name}: {value}");
        }
    }
    output
}

async fn token(mock: &SandboxClient, fields: &Fields, origin: &str) -> String {
    cors(&mock.post(TOKEN, fields).header("origin", origin).await)
}

const OWN: &str = "http://localhost:3000";

#[tokio::test]
async fn a_public_clients_own_origin_is_named() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for origin in [
        OWN,
        "http://localhost:3001",
        "HTTP://LOCALHOST:3000",
        "null",
        "http://localhost:3000/",
    ] {
        let code = mock.code(&SPA, "1").await;
        let output = token(&mock, &SPA.redeem_params(&code), origin).await;
        table += &format!("{origin}: {output}\n");
    }
    assert_snapshot!(table, @"
    http://localhost:3000: 200 | access-control-allow-origin: http://localhost:3000 | access-control-allow-methods: POST | access-control-allow-headers: * | vary: Origin
    http://localhost:3001: 200 | access-control-allow-origin: * | access-control-allow-methods: POST | access-control-allow-headers: *
    HTTP://LOCALHOST:3000: 200 | access-control-allow-origin: * | access-control-allow-methods: POST | access-control-allow-headers: *
    null: 200 | access-control-allow-origin: * | access-control-allow-methods: POST | access-control-allow-headers: *
    http://localhost:3000/: 200 | access-control-allow-origin: * | access-control-allow-methods: POST | access-control-allow-headers: *
    ");
    let tokens = mock.tokens(&SPA, "1").await;
    assert_snapshot!(token(&mock, &SPA.refresh_params(&tokens.refresh), OWN).await, @"200 | access-control-allow-origin: http://localhost:3000 | access-control-allow-methods: POST | access-control-allow-headers: * | vary: Origin");
}

#[tokio::test]
async fn other_clients_and_every_error_get_the_asterisk() {
    let mock = TestServer::documented().await;
    let code = mock.code(&CONF, "1").await;
    assert_snapshot!(token(&mock, &CONF.redeem_params(&code), "https://app.example").await, @"200 | access-control-allow-origin: * | access-control-allow-methods: POST | access-control-allow-headers: *");
    assert_snapshot!(token(&mock, &SPA.redeem_params("none"), OWN).await, @"400 | access-control-allow-origin: * | access-control-allow-methods: POST | access-control-allow-headers: *");
    mock.control("PATCH", "/clients/spa", json!({ "allowed_origins": [] }))
        .await;
    let code = mock.code(&SPA, "1").await;
    assert_snapshot!(token(&mock, &SPA.redeem_params(&code), OWN).await, @"200 | access-control-allow-origin: * | access-control-allow-methods: POST | access-control-allow-headers: *");
}

#[tokio::test]
async fn preflights_are_open_to_all() {
    let mock = TestServer::documented().await;
    let preflight = |path: &str| {
        mock.request("OPTIONS", path)
            .header("origin", "https://anywhere.example")
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization")
    };
    assert_snapshot!(preflight(TOKEN).await, @"
    204
    access-control-allow-headers: *
    access-control-allow-methods: POST
    access-control-allow-origin: *
    ");
    assert_eq!(
        preflight(REVOKE).await.to_string(),
        preflight(TOKEN).await.to_string()
    );
    assert_snapshot!(preflight(USERINFO).await, @"
    204
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    ");
    for path in ["/api/oauth/token", "/v1/oauth/token"] {
        assert_eq!(preflight(path).await.status, 204, "{path}");
    }
}
