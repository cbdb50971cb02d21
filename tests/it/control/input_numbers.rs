//! Numbers, scopes and booleans written as text, in control calls and MCP tools. Seeds, configuration files and the command
//! line are in `cli/input_numbers.rs`.

use insta::assert_snapshot;
use rmcp::ServiceExt as _;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::StreamableHttpClientTransport;
use serde_json::{Value, json};

use crate::support::{CONF, SandboxClient, TestServer};

/// A control call in which a number, scope or boolean stands as text.
struct Call {
    method: &'static str,
    path: &'static str,
    text: Value,
    plain: Value,
}

fn call(method: &'static str, path: &'static str, text: Value, plain: Value) -> Call {
    Call {
        method,
        path,
        text,
        plain,
    }
}

fn calls() -> Vec<Call> {
    let new_tokens = |rest: Value| {
        let mut all = json!({ "client_id": "conf", "user": "ada" });
        for (key, value) in rest.as_object().expect("keys") {
            all[key] = value.clone();
        }
        all
    };
    let fault = |rest: Value| json!({ "endpoint": "token", "effect": rest });
    vec![
        call(
            "POST",
            "clock/advance",
            json!({ "seconds": "86400" }),
            json!({ "seconds": 86400 }),
        ),
        call(
            "POST",
            "clock/advance",
            json!({ "by": "86400" }),
            json!({ "by": 86400 }),
        ),
        call("POST", "clock/advance", json!("86400"), json!(86400)),
        call(
            "POST",
            "clock/set",
            json!({ "at": "1767225600" }),
            json!({ "at": 1_767_225_600 }),
        ),
        call(
            "POST",
            "clock/freeze",
            json!({ "at": "1767225600" }),
            json!({ "at": 1_767_225_600 }),
        ),
        call(
            "PATCH",
            "settings",
            json!({ "access_token_seconds": "60", "refresh_token_seconds": "61", "code_seconds": "62", "workflow_cost": "63", "workflow_seconds": "64", "rate_limits": "true" }),
            json!({ "access_token_seconds": 60, "refresh_token_seconds": 61.0, "code_seconds": 62, "workflow_cost": 63, "workflow_seconds": 64, "rate_limits": true }),
        ),
        call(
            "PATCH",
            "settings",
            json!({ "access_token_seconds": "1h", "refresh_token_seconds": "7d", "code_seconds": "1m30s", "workflow_seconds": "0s" }),
            json!({ "access_token_seconds": 3600, "refresh_token_seconds": 604_800, "code_seconds": 90, "workflow_seconds": 0 }),
        ),
        call(
            "POST",
            "users",
            json!({ "id": "900", "username": "n", "muted": "true", "buzz": { "yellow": "5" } }),
            json!({ "id": 900, "username": "n", "muted": true, "buzz": { "yellow": 5 } }),
        ),
        call(
            "PATCH",
            "users/ada",
            json!({ "buzz": { "blue": "5" }, "moderator": "false" }),
            json!({ "buzz": { "blue": 5 }, "moderator": false }),
        ),
        call(
            "POST",
            "clients",
            json!({ "id": "n", "name": "N", "allowed_scopes": ["1", "4"], "verified": "true", "owner": "2" }),
            json!({ "id": "n", "name": "N", "allowed_scopes": 5, "verified": true, "owner": 2 }),
        ),
        call(
            "PATCH",
            "clients/conf",
            json!({ "allowed_scopes": "1,4" }),
            json!({ "allowed_scopes": [1, 4] }),
        ),
        call(
            "POST",
            "consents",
            new_tokens(json!({ "scope": ["1", "ModelsRead"] })),
            new_tokens(json!({ "scope": 5 })),
        ),
        call(
            "POST",
            "consents",
            new_tokens(json!({ "scope": "5" })),
            new_tokens(json!({ "scope": 5.0 })),
        ),
        call(
            "POST",
            "faults",
            fault(json!({ "status": "503" })),
            fault(json!({ "status": 503 })),
        ),
        call(
            "POST",
            "faults",
            fault(json!({ "delay": "2" })),
            fault(json!({ "delay": 2 })),
        ),
        call(
            "POST",
            "faults",
            fault(json!({ "reset_connection": "true" })),
            fault(json!({ "reset_connection": true })),
        ),
        call(
            "POST",
            "faults",
            json!({ "times": "2", "nth": "3", "skip": "1", "probability": "0.5", "effect": { "delay": { "min": "1", "max": "2" } } }),
            json!({ "times": 2, "nth": 3, "skip": 1, "probability": 0.5, "effect": { "delay": { "min": 1, "max": 2 } } }),
        ),
        call(
            "POST",
            "faults/presets/rate-limited",
            json!({ "times": "2" }),
            json!({ "times": 2 }),
        ),
        call(
            "POST",
            "verify",
            json!([{ "endpoint": "token", "times": "0" }]),
            json!([{ "endpoint": "token", "times": 0 }]),
        ),
        call(
            "POST",
            "verify",
            json!({ "expectations": [], "in_order": "true" }),
            json!({ "expectations": [], "in_order": true }),
        ),
        call(
            "POST",
            "sandboxes",
            json!({ "name": "n", "settings": { "code_seconds": "5" }, "seed": { "users": [{ "id": "3", "banned": "true" }], "clients": [{ "id": "c", "name": "C", "allowed_scopes": ["1"] }] } }),
            json!({ "name": "n", "settings": { "code_seconds": 5 }, "seed": { "users": [{ "id": 3, "banned": true }], "clients": [{ "id": "c", "name": "C", "allowed_scopes": 1 }] } }),
        ),
    ]
}

/// Everything that a control call changes.
async fn state(mock: &SandboxClient) -> Vec<Value> {
    let mut state = Vec::new();
    for path in [
        "settings",
        "clock",
        "users",
        "clients",
        "consents",
        "faults",
        "sandboxes",
    ] {
        state.push(mock.get(&format!("/_mock/{path}")).await.json());
    }
    let sandbox = mock.get("/_mock/sandboxes/n").await;
    if sandbox.status == 200 {
        for path in ["settings", "users", "clients"] {
            state.push(mock.get(&format!("/_sandbox/n/_mock/{path}")).await.json());
        }
    }
    state
}

#[tokio::test]
async fn control_calls_read_numbers_in_text() {
    for Call {
        method,
        path,
        text,
        plain,
    } in calls()
    {
        let mut states = Vec::new();
        for input in [&text, &plain] {
            let mock = TestServer::documented().await;
            let freeze = json!({ "at": "2026-01-01T00:00:00Z" });
            mock.control("POST", "/clock/freeze", freeze).await;
            let answer = mock
                .request(method, &format!("/_mock/{path}"))
                .json(input)
                .await;
            assert!(answer.status < 300, "{method} {path} {input}: {answer}");
            states.push(state(&mock).await);
        }
        assert_eq!(states[0], states[1], "{method} {path} {text}");
    }
}

#[tokio::test]
async fn tokens_and_codes_read_numbers_in_text() {
    let mock = TestServer::documented().await;
    for (scope, expected) in [
        (json!("5"), "5"),
        (json!(["1", "4"]), "5"),
        (json!([1, "4"]), "5"),
        (json!("1,ModelsRead"), "5"),
        (json!(["AI Services", "4"]), "114693"),
    ] {
        let asked = json!({ "client_id": "conf", "user": "ada", "scope": scope, "expires_in": "60", "exact_scope": "true" });
        let issued = mock.control("POST", "/tokens", asked).await;
        assert_eq!(issued["scope"], expected, "{scope}");
        assert_eq!(issued["expires_in"], 60);
        let asked = json!({ "client_id": "conf", "user": "ada", "scope": scope });
        mock.control("POST", "/codes", asked).await;
        let codes = mock.get("/_mock/codes").await.json();
        assert_eq!(codes["codes"][0]["scope"], expected, "{scope}");
    }
}

#[tokio::test]
async fn queries_read_numbers_and_booleans() {
    let mock = TestServer::documented().await;
    for _ in 0..3 {
        mock.token(&CONF.client_credentials()).await;
    }
    let mut table = String::new();
    for query in [
        "limit=2",
        "after=1",
        "before=2",
        "status=200",
        "count=2&wait=1",
        "unredacted=true",
        "unredacted=false",
        "limit=two",
        "limit=",
        "limit=-1",
        "unredacted=yes",
        "status=2e2",
    ] {
        let answer = mock.get(&format!("/_mock/requests?{query}")).await;
        let found = answer.json()["requests"].as_array().map(Vec::len);
        let summary = found.map_or_else(|| answer.summary(), |found| format!("{found} requests"));
        table += &format!("{query}: {summary}\n");
    }
    assert_snapshot!(table, @r#"
    limit=2: 2 requests
    after=1: 2 requests
    before=2: 1 requests
    status=200: 3 requests
    count=2&wait=1: 3 requests
    unredacted=true: 3 requests
    unredacted=false: 3 requests
    limit=two: 400 invalid: "two" is not a whole number, 0 or more
    limit=: 400 invalid: "" is not a whole number, 0 or more
    limit=-1: 400 invalid: -1 is not a whole number, 0 or more
    unredacted=yes: 400 invalid: "yes" is not true or false
    status=2e2: 400 invalid: "2e2" is not a whole number from 0 to 65535
    "#);
}

#[tokio::test]
async fn other_text_is_rejected_and_named() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (path, input) in [
        (
            "tokens",
            json!({ "client_id": "conf", "user": "ada", "expires_in": "soon" }),
        ),
        (
            "tokens",
            json!({ "client_id": "conf", "user": "ada", "expires_in": "" }),
        ),
        (
            "tokens",
            json!({ "client_id": "conf", "user": "ada", "expires_in": "-1" }),
        ),
        (
            "tokens",
            json!({ "client_id": "conf", "user": "ada", "scope": ["1", "ModelRead"] }),
        ),
        (
            "tokens",
            json!({ "client_id": "conf", "user": "ada", "scope": ["536870912"] }),
        ),
        (
            "tokens",
            json!({ "client_id": "conf", "user": "ada", "scope": [["1"]] }),
        ),
        (
            "tokens",
            json!({ "client_id": "conf", "user": "ada", "exact_scope": "yes" }),
        ),
        ("tokens", json!({ "client_id": 5, "user": "ada" })),
        ("users", json!({ "id": "1.5" })),
        ("clock/set", json!({ "at": "99999999999999999" })),
    ] {
        let answer = mock
            .request("POST", &format!("/_mock/{path}"))
            .json(&input)
            .await;
        table += &format!("{path} {input}\n  {}\n", answer.summary());
    }
    assert_snapshot!(table, @r#"
    tokens {"client_id":"conf","user":"ada","expires_in":"soon"}
      400 invalid: "soon" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    tokens {"client_id":"conf","user":"ada","expires_in":""}
      400 invalid: "" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    tokens {"client_id":"conf","user":"ada","expires_in":"-1"}
      400 invalid: "-1" is not a lifetime: write whole seconds, such as 3600, or 1h
    tokens {"client_id":"conf","user":"ada","scope":["1","ModelRead"]}
      400 invalid: no scope "ModelRead"
    tokens {"client_id":"conf","user":"ada","scope":["536870912"]}
      400 invalid: 536870912 has bits that mean nothing: the largest scope is 536870911
    tokens {"client_id":"conf","user":"ada","scope":[["1"]]}
      400 invalid: a list is not a number, a preset or a scope name
    tokens {"client_id":"conf","user":"ada","exact_scope":"yes"}
      400 invalid: "yes" is not true or false
    tokens {"client_id":5,"user":"ada"}
      400 invalid: 5 is not text
    users {"id":"1.5"}
      400 invalid: "1.5" is not a whole number
    clock/set {"at":"99999999999999999"}
      400 invalid: "99999999999999999" is not a moment: write "2026-01-31T12:00:00Z" or Unix seconds
    "#);
}

#[tokio::test]
async fn mcp_tools_read_numbers_in_text() {
    let mock = TestServer::documented().await;
    let transport = StreamableHttpClientTransport::from_uri(format!("{}/mcp", mock.base));
    let agent = ().serve(transport).await.expect("the server answers in MCP");
    for (tool, arguments) in [
        ("mock-explain-scope", json!({ "scope": ["1", "4"] })),
        ("mock-advance-clock", json!({ "by": "86400" })),
        (
            "mock-list-requests",
            json!({ "limit": "5", "status": "200" }),
        ),
        (
            "mock-add-fault",
            json!({ "preset": "rate-limited", "times": "1" }),
        ),
        (
            "mock-authorize",
            json!({ "client_id": "conf", "user": "ada", "scope": "1,4" }),
        ),
    ] {
        let mut call = CallToolRequestParams::new(tool);
        call.arguments = arguments.as_object().cloned();
        let result = agent.call_tool(call).await.expect("there is such a tool");
        assert_ne!(
            result.is_error,
            Some(true),
            "{tool} {arguments}: {result:?}"
        );
    }
}
