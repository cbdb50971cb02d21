//! `/mcp` over HTTP/2, with the host in the target instead of a header: in the clear, and over TLS.

use civitai_oauth_mock::{Certificate, Contract, McpListen};
use hyper::{Request, Response};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::support::{Https, SPA, TestServer, config, http2_over};

fn message(url: &str, method: &str, params: &Value) -> Request<Vec<u8>> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    Request::post(url)
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("mcp-protocol-version", "2025-06-18")
        .body(body.to_string().into_bytes())
        .expect("a request")
}

fn hello(url: &str) -> Request<Vec<u8>> {
    let params = json!({
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" },
    });
    message(url, "initialize", &params)
}

fn tool(url: &str, name: &str, arguments: &Value) -> Request<Vec<u8>> {
    let params = json!({ "name": name, "arguments": arguments });
    message(url, "tools/call", &params)
}

/// What came of it, from an answer that is one.
fn result(answer: &Response<Vec<u8>>) -> Value {
    let body = String::from_utf8_lossy(answer.body());
    assert_eq!(answer.status(), 200, "{body}");
    let body: Value = serde_json::from_str(&body).expect("JSON");
    body["result"].clone()
}

#[tokio::test]
async fn http2_prior_knowledge_client_completes_the_flow() {
    let mut config = config(Contract::Documented);
    config.mcp_listen = vec![McpListen::At("127.0.0.1:0".parse().unwrap())];
    let mock = TestServer::start(config).await;
    let port = mock.server().mcp_address().unwrap();
    for (address, path) in [
        (mock.server().address(), "/mcp"),
        (mock.server().address(), "/_sandbox/x/mcp"),
        (port, "/"),
    ] {
        let url = format!("http://{address}{path}");
        let send = async |request| {
            let stream = TcpStream::connect(address).await.unwrap();
            result(&http2_over(stream, request).await.unwrap())
        };
        let server = send(hello(&url)).await;
        assert_eq!(server["serverInfo"]["name"], "civitai-oauth-mock", "{url}");
        let asked = json!({ "client_id": SPA.id, "user": "ada" });
        let begun = send(tool(&url, "mock-authorize", &asked)).await;
        let body = json!({ "body": begun["structuredContent"]["exchange"] });
        let tokens = send(tool(&url, "civitai-oauth-exchange", &body)).await;
        let access = &tokens["structuredContent"]["access_token"];
        assert!(access.is_string(), "{tokens}");
    }
}

#[tokio::test]
async fn http2_over_tls_is_served() {
    let mut config = config(Contract::Documented);
    let anywhere = "127.0.0.1:0".parse().unwrap();
    config.tls = Some((anywhere, Certificate::Generated { ca_file: None }));
    let mock = TestServer::start(config).await;
    let authority = mock.server().certificate_authority().unwrap();
    let https = Https::trusting(authority, mock.server().tls_address().unwrap());
    let url = format!("{}/mcp", https.base("localhost"));
    let answer = https.send_by_http2(hello(&url)).await.unwrap();
    assert_eq!(result(&answer)["serverInfo"]["name"], "civitai-oauth-mock");
}

#[tokio::test]
async fn the_guard_reads_the_host_of_the_target() {
    let mock = TestServer::documented().await;
    let stream = TcpStream::connect(mock.server().address()).await.unwrap();
    let answer = http2_over(stream, hello("http://evil.example/mcp")).await;
    assert_eq!(answer.unwrap().status(), 403);
}
