//! The recorded exchanges of `tests/contract`, replayed under each contract at the root and in a sandbox.

use std::path::Path;

use civitai_oauth_mock::{Config, Contract, PRESETS, SCOPES};
use serde_json::{Value, json};

use crate::support::TestServer;
use crate::support::recordings::{Flow, flows};
use crate::support::replay::replay;

async fn server() -> TestServer {
    let mut config = Config::default();
    let seed = include_str!("../../contract/seed.toml");
    config
        .set_seed(seed, Path::new("seed.toml"))
        .expect("the seed of the recorded exchanges is well-formed");
    TestServer::start(config).await
}

async fn replay_all(contract: Contract, prefix: &str, least: usize) {
    let mock = server().await;
    let base = format!("{}{prefix}", mock.base);
    let (passed, failures) = replay(&base, contract, &flows(contract)).await;
    assert!(failures.is_empty(), "{contract}:\n{}", failures.join("\n"));
    assert!(passed >= least, "{contract}: only {passed} steps ran");
}

#[tokio::test]
async fn recorded_steps_pass_at_the_root() {
    replay_all(Contract::Live2026_08, "", 792).await;
}

#[tokio::test]
async fn recorded_steps_pass_in_a_sandbox() {
    replay_all(Contract::Live2026_08, "/_sandbox/x", 792).await;
}

#[tokio::test]
async fn live_steps_pass_at_the_root() {
    replay_all(Contract::Live, "", 786).await;
}

#[tokio::test]
async fn live_steps_pass_in_a_sandbox() {
    replay_all(Contract::Live, "/_sandbox/x", 786).await;
}

#[tokio::test]
async fn documented_steps_pass_at_the_root() {
    replay_all(Contract::Documented, "", 693).await;
}

#[tokio::test]
async fn documented_steps_pass_in_a_sandbox() {
    replay_all(Contract::Documented, "/_sandbox/x", 693).await;
}

/// A flow of one request to the discovery document, with what is expected of it.
fn flow(expect: &Value) -> Flow {
    serde_json::from_value(json!({
        "flow": "example",
        "contracts": ["live"],
        "steps": [{
            "name": "discovery",
            "request": { "method": "GET", "path": "/.well-known/openid-configuration" },
            "expect": expect,
        }],
    }))
    .expect("a flow")
}

#[tokio::test]
async fn wrong_expectation_fails_with_its_step() {
    let mock = server().await;
    for (expect, reason) in [
        (json!({ "status": 404 }), "status: expected 404, got 200"),
        (
            json!({ "status": 200, "json": {} }),
            "body: expected {}, got {",
        ),
        (
            json!({ "status": 200, "holds": { "response_types_supported": ["token"] } }),
            r#"body.response_types_supported[0]: expected "token", got "code""#,
        ),
        (
            json!({ "status": 200, "holds": { "issuer": "{{code1}}" } }),
            "body.issuer: expected a value shaped like code",
        ),
        (
            json!({ "status": 200, "headers": { "cache-control": "no-store" } }),
            r#"cache-control: expected "no-store""#,
        ),
        (
            json!({ "status": 200, "location": "/login" }),
            "no Location",
        ),
        (
            json!({ "status": 200, "error": "invalid_request" }),
            "error: expected",
        ),
    ] {
        let flows = [("example.json", flow(&expect))];
        let (passed, failures) = replay(&mock.base, Contract::Live, &flows).await;
        assert_eq!((passed, failures.len()), (0, 1), "{expect}");
        let failure = &failures[0];
        let place = "example.json · example · discovery · ";
        assert!(failure.starts_with(place), "{failure}");
        assert!(failure.contains(reason), "{reason}: {failure}");
    }
}

#[test]
fn the_scopes_are_those_of_the_contract() {
    let text = include_str!("../../contract/scopes.json");
    let contract: Value = serde_json::from_str(text).expect("the scopes of the contract");
    let bits: Vec<Value> = SCOPES
        .iter()
        .map(|bit| json!([bit.value, bit.name, bit.label]))
        .collect();
    let expected: Vec<Value> = contract["scopes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|bit| json!([bit["value"], bit["name"], bit["label"]]))
        .collect();
    assert_eq!(bits, expected);
    for (name, scope) in PRESETS {
        assert_eq!(contract["presets"][name], json!(scope), "{name}");
    }
}
