//! `/mcp`: the tools for coding agents, by the client of rmcp. Another client, of another language, is in
//! `tests/npm/mcp.test.mjs`; who may call is `access_guard.rs`, HTTP/2 `http2.rs`, the port `port.rs`.

use civitai_oauth_mock::{Contract, McpListen, StartError};
use insta::assert_snapshot;
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ReadResourceRequestParams, ResourceContents,
};
use rmcp::service::{RoleClient, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ServiceExt as _, model::Tool};
use serde_json::{Value, json};

use crate::support::{CONF, SPA, SandboxClient, TestServer, config};

type Agent = RunningService<RoleClient, ()>;

async fn agent(base: &str) -> Agent {
    let transport = StreamableHttpClientTransport::from_uri(format!("{base}/mcp"));
    ().serve(transport)
        .await
        .expect("the server answers in MCP")
}

async fn call(agent: &Agent, tool: &str, arguments: Value) -> CallToolResult {
    let mut call = CallToolRequestParams::new(tool.to_owned());
    call.arguments = arguments.as_object().cloned();
    agent.call_tool(call).await.expect("there is such a tool")
}

/// What a tool answered, and that it went well.
async fn ok(agent: &Agent, tool: &str, arguments: Value) -> Value {
    let result = call(agent, tool, arguments).await;
    assert_ne!(result.is_error, Some(true), "{result:?}");
    result.structured_content.expect("answers are structured")
}

async fn refused(agent: &Agent, tool: &str, arguments: Value) -> String {
    let result = call(agent, tool, arguments).await;
    assert_eq!(result.is_error, Some(true), "{result:?}");
    result
        .structured_content
        .expect("refusals are structured")
        .to_string()
}

#[tokio::test]
async fn the_tool_of_the_published_capability_is_described_as_published() {
    let mock = TestServer::documented().await;
    let agent = agent(&mock.base).await;
    let tools = agent.list_all_tools().await.unwrap();
    let exchange: &Tool = tools
        .iter()
        .find(|tool| tool.name == "civitai-oauth-exchange")
        .unwrap();
    assert_snapshot!(serde_json::to_string_pretty(exchange).unwrap(), @r#"
    {
      "name": "civitai-oauth-exchange",
      "description": "Exchange OAuth authorization code or refresh token for an access token.",
      "inputSchema": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "body": {
            "type": "object",
            "additionalProperties": true,
            "description": "parameters of the token endpoint: grant_type, client_id, client_secret, code, redirect_uri, code_verifier, refresh_token, scope"
          }
        },
        "required": [
          "body"
        ]
      },
      "annotations": {
        "readOnlyHint": false,
        "destructiveHint": false,
        "idempotentHint": false,
        "openWorldHint": false
      }
    }
    "#);
    let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
    assert_snapshot!(names.join(" "), @"civitai-oauth-exchange mock-authorize mock-list-requests mock-read-request mock-list-changes mock-list-advice mock-advance-clock mock-add-fault mock-delete-faults mock-explain-scope mock-reset");
}

#[tokio::test]
async fn agent_completes_the_flow() {
    let mock = TestServer::documented().await;
    let agent = agent(&mock.base).await;
    let asked = json!({ "client_id": SPA.id, "user": "ada", "scope": "AI Services" });
    let begun = ok(&agent, "mock-authorize", asked).await;
    let body = json!({ "body": begun["exchange"] });
    let tokens = ok(&agent, "civitai-oauth-exchange", body.clone()).await;
    assert_eq!(tokens["scope"], "114689", "{tokens}");
    let access = tokens["access_token"].as_str().unwrap();
    assert!(mock.is_active(access).await);
    assert_snapshot!(refused(&agent, "civitai-oauth-exchange", body).await, @r#"{"error":"invalid_grant","error_description":"Invalid grant: authorization code is invalid"}"#);

    ok(&agent, "mock-advance-clock", json!({ "by": "61m" })).await;
    assert!(!mock.is_active(access).await);
    let refresh = json!({ "body": {
        "grant_type": "refresh_token", "client_id": SPA.id, "refresh_token": tokens["refresh_token"],
    } });
    let fault = json!({ "preset": "refresh-revoked", "times": 1 });
    ok(&agent, "mock-add-fault", fault).await;
    assert_snapshot!(refused(&agent, "civitai-oauth-exchange", refresh.clone()).await, @r#"{"error":"invalid_grant","error_description":"Invalid grant: refresh token is invalid"}"#);
    ok(&agent, "civitai-oauth-exchange", refresh).await;

    let seen = ok(&agent, "mock-list-requests", json!({ "endpoint": "token" })).await;
    let outcomes: Vec<String> = seen["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            format!(
                "{} {} {}",
                one["params"]["grant_type"], one["status"], one["params"]["refresh_token"]
            )
        })
        .collect();
    assert_snapshot!(outcomes.join("\n"), @r#"
    "authorization_code" 200 null
    "authorization_code" 400 null
    "refresh_token" 400 "[redacted]"
    "refresh_token" 200 "[redacted]"
    "#);
    assert_eq!(ok(&agent, "mock-reset", json!({})).await, json!({}));
    assert_eq!(
        mock.control("GET", "/requests", json!({})).await["counters"]["total"],
        0
    );
}

#[tokio::test]
async fn authorize_errors_are_passed_on() {
    let mock = TestServer::documented().await;
    let agent = agent(&mock.base).await;
    let asked = json!({ "client_id": CONF.id, "user": "ada", "redirect_uri": "https://elsewhere.example/cb" });
    assert_snapshot!(refused(&agent, "mock-authorize", asked).await, @r#"{"error":"invalid_request","error_description":"redirect_uri does not match any registered URI"}"#);
    let asked = refused(&agent, "mock-authorize", json!({ "user": "ada" })).await;
    assert!(
        asked.contains("clients: conf, spa") && asked.contains("users: owner, ada"),
        "{asked}"
    );
    mock.control("POST", "/faults/presets/consent-denied", json!({}))
        .await;
    let denied = ok(
        &agent,
        "mock-authorize",
        json!({ "client_id": CONF.id, "user": "ada", "state": "s" }),
    )
    .await;
    assert_snapshot!(denied["response"], @r#"{"error":"access_denied","error_description":"The user denied the authorization request","state":"s"}"#);
}

#[tokio::test]
async fn authorize_asks_a_confidential_app_to_add_its_secret() {
    let mock = TestServer::documented().await;
    let agent = agent(&mock.base).await;
    let asked = json!({ "client_id": CONF.id, "user": "ada" });
    let mut exchange = ok(&agent, "mock-authorize", asked).await["exchange"].clone();
    assert_eq!(exchange["client_secret"], "(yours)");
    exchange["client_secret"] = CONF.secret.into();
    let body = json!({ "body": exchange });
    let tokens = ok(&agent, "civitai-oauth-exchange", body).await;
    assert!(
        mock.is_active(tokens["access_token"].as_str().unwrap())
            .await
    );
}

#[tokio::test]
async fn custom_fault_is_set_and_cleared() {
    let mock = TestServer::documented().await;
    let agent = agent(&mock.base).await;
    let refresh = json!({ "body": {
        "grant_type": "refresh_token", "client_id": SPA.id,
        "refresh_token": mock.tokens(&SPA, "1").await.refresh,
    } });
    let effect = json!({ "error": "invalid_grant", "error_description": "not today" });
    let rule = json!({ "endpoint": "token", "grant_type": "refresh_token", "effect": effect });
    let set = ok(&agent, "mock-add-fault", json!({ "fault": rule })).await;
    assert!(set["id"].is_number() || set["id"].is_string(), "{set}");
    let error = refused(&agent, "civitai-oauth-exchange", refresh.clone()).await;
    assert!(error.contains("not today"), "{error}");
    assert_eq!(ok(&agent, "mock-delete-faults", json!({})).await, json!({}));
    ok(&agent, "civitai-oauth-exchange", refresh).await;
}

#[tokio::test]
async fn a_scope_is_explained_bit_by_bit() {
    let mock = TestServer::documented().await;
    let agent = agent(&mock.base).await;
    let explained = ok(&agent, "mock-explain-scope", json!({ "scope": 114_689 })).await;
    assert_eq!(explained["preset"], "AI Services");
    let by_names =
        json!({ "scope": ["UserRead", "AIServicesRead", "AIServicesWrite", "BuzzRead"] });
    let by_names = ok(&agent, "mock-explain-scope", by_names).await;
    assert_eq!(by_names["scope"], explained["scope"]);
    let names: Vec<&str> = explained["bits"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|bit| bit["name"].as_str())
        .collect();
    assert_snapshot!(names.join(" "), @"UserRead AIServicesRead AIServicesWrite BuzzRead");
}

#[tokio::test]
async fn invalid_arguments_get_the_errors_of_the_control_api() {
    let mock = TestServer::documented().await;
    let agent = agent(&mock.base).await;
    let mut errors = String::new();
    for (tool, arguments) in [
        ("mock-authorize", json!({ "client": "conf", "user": "ada" })),
        (
            "mock-authorize",
            json!({ "client_id": "con", "user": "ada" }),
        ),
        (
            "mock-authorize",
            json!({ "client_id": "conf", "user": "adda" }),
        ),
        ("mock-advance-clock", json!({ "by": "soon" })),
        ("mock-add-fault", json!({})),
        ("mock-add-fault", json!({ "preset": "refresh-revokd" })),
        ("mock-explain-scope", json!({ "scope": "UserReed" })),
        ("civitai-oauth-exchange", json!({})),
    ] {
        errors += &format!(
            "{tool} {arguments}\n  {}\n",
            refused(&agent, tool, arguments.clone()).await
        );
    }
    assert_snapshot!(errors, @r#"
    mock-authorize {"client":"conf","user":"ada"}
      {"error":"invalid","message":"unknown key \"client\"","path":"client","hint":"did you mean \"client_id\"?"}
    mock-authorize {"client_id":"con","user":"ada"}
      {"error":"not_found","message":"no client \"con\"","path":"client_id","hint":"did you mean \"conf\"?"}
    mock-authorize {"client_id":"conf","user":"adda"}
      {"error":"invalid","message":"no user \"adda\"","path":"user","hint":"did you mean \"ada\"?"}
    mock-advance-clock {"by":"soon"}
      {"error":"invalid","message":"\"soon\" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds","path":"by"}
    mock-add-fault {}
      {"error":"invalid","message":"exactly one of preset and fault is required","path":"","hint":"give one of the two"}
    mock-add-fault {"preset":"refresh-revokd"}
      {"error":"not_found","message":"no preset \"refresh-revokd\"","path":"name","hint":"did you mean \"refresh-revoked\"?"}
    mock-explain-scope {"scope":"UserReed"}
      {"error":"invalid","message":"no scope \"UserReed\"","path":"scope","hint":"did you mean \"UserRead\"?"}
    civitai-oauth-exchange {}
      {"error":"invalid","message":"missing key \"body\"","path":""}
    "#);
    let unknown = agent
        .call_tool(CallToolRequestParams::new("mock-list-request"))
        .await;
    assert_snapshot!(unknown.unwrap_err(), @r#"Mcp error: -32602: tool: no tool "mock-list-request"; did you mean "mock-list-requests"?"#);
}

#[tokio::test]
async fn path_selects_the_sandbox() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    let agent = agent(&sandbox.base).await;
    let asked = json!({ "client_id": SPA.id, "user": "ada" });
    let begun = ok(&agent, "mock-authorize", asked).await;
    let tokens = ok(
        &agent,
        "civitai-oauth-exchange",
        json!({ "body": begun["exchange"] }),
    )
    .await;
    let access = tokens["access_token"].as_str().unwrap();
    assert!(sandbox.is_active(access).await && !mock.is_active(access).await);
}

#[tokio::test]
async fn the_contract_and_the_differences_can_be_read() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "differences": { "scope-shape": "live" } }))
        .await;
    let agent = agent(&mock.base).await;
    let listed = agent.list_all_resources().await.unwrap();
    let uris: Vec<&str> = listed.iter().map(|one| one.uri.as_str()).collect();
    assert_snapshot!(uris.join(" "), @"civitai-oauth-mock://contract civitai-oauth-mock://differences");
    let mut read = Vec::new();
    for uri in uris {
        let result = agent
            .read_resource(ReadResourceRequestParams::new(uri))
            .await
            .unwrap();
        let ResourceContents::TextResourceContents { text, .. } = &result.contents[0] else {
            panic!("{result:?}")
        };
        read.push(serde_json::from_str::<Value>(text).unwrap());
    }
    assert_eq!(read[0], mock.control("GET", "/contract", json!({})).await);
    assert_eq!(read[1], read[0]["differences"]);
    assert_eq!(read[1][0]["name"], "scope-shape");
    assert_eq!(read[1][0]["contract"], "live");
    let none = agent
        .read_resource(ReadResourceRequestParams::new(
            "civitai-oauth-mock://contracts",
        ))
        .await;
    assert_snapshot!(none.unwrap_err(), @r#"Mcp error: -32602: resource: no resource "civitai-oauth-mock://contracts"; did you mean "civitai-oauth-mock://contract"?"#);
}

#[tokio::test]
async fn mcp_can_have_its_own_port() {
    let mut config = config(Contract::Documented);
    config.mcp_listen = vec![McpListen::At("127.0.0.1:0".parse().unwrap())];
    let mock = TestServer::start(config.clone()).await;
    let address = mock.server().mcp_address().unwrap();
    let port = SandboxClient::at(format!("http://{address}"));
    let agent = agent(&port.base).await;
    let begun = ok(
        &agent,
        "mock-authorize",
        json!({ "client_id": SPA.id, "user": "ada" }),
    )
    .await;
    assert!(begun["exchange"]["code"].is_string(), "{begun}");
    let root = StreamableHttpClientTransport::from_uri(format!("{}/", port.base));
    let at_root: Agent = ().serve(root).await.unwrap();
    assert_eq!(at_root.list_all_tools().await.unwrap().len(), 11);

    config.mcp_listen = vec![McpListen::At(address)];
    let refused = civitai_oauth_mock::Server::start(config.clone())
        .await
        .unwrap_err();
    assert!(matches!(refused, StartError::Listen { .. }), "{refused}");
    assert!(refused.to_string().contains("--mcp-listen"), "{refused}");
    config.mcp_listen = vec![McpListen::IfFree(address)];
    let other = civitai_oauth_mock::Server::start(config).await.unwrap();
    assert_eq!(other.mcp_address(), None);
    other.stop().await;
}

#[tokio::test]
async fn advice_tool_reports_mistakes_that_fail_in_production() {
    let mock = TestServer::documented().await;
    let agent = agent(&mock.base).await;
    mock.authorize(&SPA.authorize_params("1").without("code_challenge"))
        .await;
    let advice = ok(&agent, "mock-list-advice", json!({ "client_id": SPA.id })).await;
    assert_eq!(advice["findings"][0]["rule_id"], "pkce-missing");
    assert_snapshot!(refused(&agent, "mock-list-advice", json!({ "client": "spa" })).await, @r#"{"error":"invalid","message":"unknown key \"client\"","path":"client","hint":"did you mean \"client_id\"?"}"#);
}
