//! Bodies of POST `/mcp` that are not JSON-RPC messages.

use insta::assert_snapshot;

use crate::support::TestServer;

#[tokio::test]
async fn body_that_is_no_message_gets_a_json_rpc_error() {
    let mock = TestServer::documented().await;
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{}"}}"#,
        "x".repeat(600_000)
    );
    let mut table = String::new();
    for body in [
        "",
        "{",
        "nonsense",
        "[]",
        "17",
        "{}",
        r#"{"id":7}"#,
        r#"{"jsonrpc":"1.0","id":7,"method":"ping"}"#,
        r#"{"jsonrpc":"2.0","id":"a","method":5}"#,
        r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
        r#"[{"jsonrpc":"2.0","id":7,"method":"ping"}]"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":5}"#,
        &long,
    ] {
        let answer = mock
            .request("POST", "/mcp")
            .header("accept", "application/json, text/event-stream")
            .body("application/json", body.to_owned())
            .await;
        let shown: String = body.chars().take(70).collect();
        table += &format!("{shown}\n  {} {}\n", answer.status, answer.json());
    }
    assert_snapshot!(table, @r#"

      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the message is not JSON: EOF while parsing a value at line 1 column 0"}}
    {
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the message is not JSON: EOF while parsing an object at line 1 column 1"}}
    nonsense
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"the message is not JSON: expected ident at line 1 column 2"}}
    []
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not supported: send one message at a time"}}
    17
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"a JSON-RPC message must be an object"}}
    {}
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"jsonrpc must be \"2.0\""}}
    {"id":7}
      400 {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"jsonrpc must be \"2.0\""}}
    {"jsonrpc":"1.0","id":7,"method":"ping"}
      400 {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"jsonrpc must be \"2.0\""}}
    {"jsonrpc":"2.0","id":"a","method":5}
      400 {"jsonrpc":"2.0","id":"a","error":{"code":-32600,"message":"method must be a string"}}
    {"jsonrpc":"2.0","id":{},"method":"ping"}
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"id must be a string or an integer"}}
    [{"jsonrpc":"2.0","id":7,"method":"ping"}]
      400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batches are not supported: send one message at a time"}}
    {"jsonrpc":"2.0","id":7,"method":"tools/call","params":5}
      400 {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"params must be an object"}}
    {"jsonrpc":"2.0","id":1,"method":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      413 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the message is longer than 524288 bytes"}}
    "#);
}
