//! Access to `/mcp`: the same as to the control API, pages of this machine included.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{SandboxClient, TestServer, config};

/// The answer to a first message that comes with these headers.
async fn hello(sandbox: &SandboxClient, headers: &[(&str, &str)]) -> u16 {
    let message = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": { "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } },
    });
    let mut ask = sandbox
        .request("POST", "/mcp")
        .header("accept", "application/json, text/event-stream");
    for (name, value) in headers {
        ask = ask.header(name, value);
    }
    ask.json(&message).await.status
}

#[tokio::test]
async fn control_api_guard_applies() {
    let mock = TestServer::documented().await;
    assert_eq!(hello(&mock, &[]).await, 200);
    for hostile in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("host", "evil.example"),
    ] {
        assert_eq!(hello(&mock, &[hostile]).await, 403, "{hostile:?}");
    }
    let mut config = config(Contract::Documented);
    config.set_control_token("t0ken").unwrap();
    let mock = TestServer::start(config).await;
    assert_eq!(hello(&mock, &[]).await, 401);
    assert_eq!(
        hello(&mock, &[("authorization", "Bearer t0ken")]).await,
        200
    );
}

#[tokio::test]
async fn loopback_page_is_accepted() {
    let mut config = config(Contract::Documented);
    config.set_control_token("t0ken").unwrap();
    let mock = TestServer::start(config).await;
    let preflight = async |origin: &str, path: &str| {
        let ask = mock.request("OPTIONS", path).header("origin", origin);
        ask.header("access-control-request-method", "POST").await
    };
    assert_snapshot!(preflight("http://localhost:6274", "/mcp").await, @"
    204
    access-control-allow-headers: accept, authorization, content-type, last-event-id, mcp-protocol-version, mcp-session-id
    access-control-allow-methods: POST
    access-control-allow-origin: http://localhost:6274
    vary: origin
    ");
    let slash = preflight("http://localhost:6274", "/_sandbox/x/mcp/").await;
    assert_eq!(slash.status, 204, "{slash}");
    let hostile = preflight("https://evil.example", "/mcp").await;
    assert_eq!(hostile.status, 403);
    assert_eq!(hostile.header("access-control-allow-origin"), None);
    let refused = mock
        .request("POST", "/mcp")
        .header("origin", "http://localhost:6274");
    let refused = refused.json(&json!({})).await;
    let readable = refused
        .header("access-control-allow-origin")
        .unwrap_or_default();
    assert_eq!(
        (refused.status, readable),
        (401, "http://localhost:6274".to_owned())
    );
}
