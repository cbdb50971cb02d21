//! A sign-in by the MCP tools, whose answers must not show a secret.

use serde_json::{Value, json};

use crate::support::{App, SecretTracker};

/// Gets tokens by the tools, makes two mistakes, and reads the journal and the advice.
pub(super) async fn call_tools(tracker: &mut SecretTracker, app: &App) {
    let call = async |id: u32, tool: &str, arguments: Value| {
        let message = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool, "arguments": arguments } });
        let ask = tracker
            .sandbox
            .request("POST", "/mcp")
            .header("accept", "application/json, text/event-stream");
        let answer = ask.json(&message).await;
        assert_eq!(answer.status, 200, "{answer}");
        answer
    };
    let asked = json!({ "client_id": app.id, "user": "ada" });
    let begun = call(1, "mock-authorize", asked).await.json();
    let mut exchange = begun["result"]["structuredContent"]["exchange"].clone();
    exchange["client_secret"] = app.secret.into();
    let tokens = call(2, "civitai-oauth-exchange", json!({ "body": exchange }))
        .await
        .json();
    let tokens = &tokens["result"]["structuredContent"];
    let used = call(3, "civitai-oauth-exchange", json!({ "body": exchange })).await;
    let misspelt = call(4, "civitai-oauth-exchange", json!({ "bode": exchange })).await;
    let seen = call(5, "mock-list-requests", json!({})).await;
    let advised = call(6, "mock-list-advice", json!({})).await;
    for (what, key) in [("code", "code"), ("verifier", "code_verifier")] {
        tracker.track(what, exchange[key].as_str().expect("a text"));
    }
    for (what, key) in [
        ("access token", "access_token"),
        ("refresh token", "refresh_token"),
    ] {
        tracker.track(what, tokens[key].as_str().expect("a text"));
    }
    for (what, answer) in [
        ("a used code by MCP", used),
        ("a misspelt call by MCP", misspelt),
        ("the journal by MCP", seen),
        ("advice by MCP", advised),
    ] {
        tracker.record(what, &answer);
    }
}
