//! `/_mock/faults`: faults that are rejected, and their errors. Valid ones are in `faults.rs`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{SandboxClient, TestServer};

/// Status, key, message and hint of each refusal; nothing is set by any.
async fn refusals(mock: &SandboxClient, inputs: &[Value]) -> String {
    let mut table = String::new();
    for input in inputs {
        let answer = mock.ask("POST", "/_mock/faults").json(input).await;
        let error = answer.json();
        table += &format!(
            "{input}\n  {} {}: {} ({})\n",
            answer.status, error["path"], error["message"], error["hint"]
        );
    }
    let set = mock.control("GET", "/faults", json!({})).await;
    assert_eq!(set, json!({ "faults": [] }));
    table
}

#[tokio::test]
async fn invalid_fault_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    let inputs = [
        json!({}),
        json!({ "effect": {} }),
        json!({ "effect": { "eror": "x" } }),
        json!({ "endpont": "token", "effect": { "reset": true } }),
        json!({ "endpoint": ["token"], "effect": { "reset": true } }),
        json!({ "times": 0, "effect": { "reset": true } }),
        json!({ "nth": 0, "effect": { "reset": true } }),
        json!({ "times": -1, "effect": { "reset": true } }),
        json!({ "probability": 1.5, "effect": { "reset": true } }),
        json!({ "effect": { "status": 99 } }),
        json!({ "effect": { "status": 70000 } }),
        json!({ "effect": { "error_description": "why" } }),
        json!({ "effect": { "delay": "soon" } }),
        json!({ "effect": { "delay": -1 } }),
        json!({ "effect": { "delay": "1h" } }),
        json!({ "effect": { "delay": { "min": 2, "max": 1 } } }),
        json!({ "effect": { "delay": { "min": "1500ms", "max": "1s" } } }),
        json!({ "effect": { "delay": { "min": 1, "max": "11m" } } }),
        json!({ "effect": { "status": 204, "body": { "a": 1 } } }),
        json!({ "effect": { "status": 204, "error": "invalid_grant" } }),
        json!({ "effect": { "status": 304, "truncate": true } }),
        json!({ "effect": { "status": 205, "slow_body": true } }),
        json!({ "effect": { "delay": { "min": 2 } } }),
        json!({ "effect": { "delay": { "min": "x", "max": 1 } } }),
        json!({ "effect": { "delay": { "min": 1, "max": 2, "avg": 1 } } }),
        json!({ "effect": { "delay": true } }),
        json!({ "effect": { "headers": { "a b": "x" } } }),
        json!({ "effect": { "headers": { "a": "x\r\ny" } } }),
        json!({ "effect": { "headers": { "a": null } } }),
        json!({ "effect": { "headers": { "Content-Length": "5" } } }),
        json!({ "effect": { "reset": "yes" } }),
    ];
    assert_snapshot!(refusals(&mock, &inputs).await, @r#"
    {}
      400 "": "missing key \"effect\"" (null)
    {"effect":{}}
      400 "effect": "an effect that does nothing" ("give error, status, body, headers, delay, reset, truncate, malformed, slow_body or deny")
    {"effect":{"eror":"x"}}
      400 "effect.eror": "unknown key \"eror\"" ("did you mean \"error\"?")
    {"endpont":"token","effect":{"reset":true}}
      400 "endpont": "unknown key \"endpont\"" ("did you mean \"endpoint\"?")
    {"endpoint":["token"],"effect":{"reset":true}}
      400 "endpoint": "a list is not text" (null)
    {"times":0,"effect":{"reset":true}}
      400 "times": "0 is never" ("count from 1")
    {"nth":0,"effect":{"reset":true}}
      400 "nth": "0 is never" ("count from 1")
    {"times":-1,"effect":{"reset":true}}
      400 "times": "-1 is not a whole number, 0 or more" (null)
    {"probability":1.5,"effect":{"reset":true}}
      400 "probability": "1.5 is not from 0 to 1" ("give more than 0, up to 1")
    {"effect":{"status":99}}
      400 "effect.status": "99 is not a status from 200 to 599" (null)
    {"effect":{"status":70000}}
      400 "effect.status": "70000 is not a whole number from 0 to 65535" (null)
    {"effect":{"error_description":"why"}}
      400 "effect.error_description": "a description of no error" ("give effect.error too")
    {"effect":{"delay":"soon"}}
      400 "effect.delay": "\"soon\" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds" (null)
    {"effect":{"delay":-1}}
      400 "effect.delay": "-1s is not from 0s to 10m" ("a number is in seconds; write \"300ms\" for milliseconds")
    {"effect":{"delay":"1h"}}
      400 "effect.delay": "1h is not from 0s to 10m" ("a number is in seconds; write \"300ms\" for milliseconds")
    {"effect":{"delay":{"min":2,"max":1}}}
      400 "effect.delay": "min 2s is more than max 1s" ("swap them")
    {"effect":{"delay":{"min":"1500ms","max":"1s"}}}
      400 "effect.delay": "min 1500ms is more than max 1s" ("swap them")
    {"effect":{"delay":{"min":1,"max":"11m"}}}
      400 "effect.delay": "11m is not from 0s to 10m" ("a number is in seconds; write \"300ms\" for milliseconds")
    {"effect":{"status":204,"body":{"a":1}}}
      400 "effect.body": "status 204 and body contradict each other: an answer of 204 has no body" ("leave effect.body out, or give another status")
    {"effect":{"status":204,"error":"invalid_grant"}}
      400 "effect.error": "status 204 and error contradict each other: an answer of 204 has no body" ("leave effect.error out, or give another status")
    {"effect":{"status":304,"truncate":true}}
      400 "effect.truncate": "status 304 and truncate contradict each other: an answer of 304 has no body" ("leave effect.truncate out, or give another status")
    {"effect":{"status":205,"slow_body":true}}
      400 "effect.slow_body": "status 205 and slow_body contradict each other: an answer of 205 has no body" ("leave effect.slow_body out, or give another status")
    {"effect":{"delay":{"min":2}}}
      400 "effect.delay": "missing key \"max\"" (null)
    {"effect":{"delay":{"min":"x","max":1}}}
      400 "effect.delay.min": "\"x\" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds" (null)
    {"effect":{"delay":{"min":1,"max":2,"avg":1}}}
      400 "effect.delay.avg": "unknown key \"avg\"" ("choose among min, max")
    {"effect":{"delay":true}}
      400 "effect.delay": "true is not a length of time: \"1h\", \"300ms\" or a number of seconds" (null)
    {"effect":{"headers":{"a b":"x"}}}
      400 "effect.headers.a b": "\"a b\" is not a header's name" (null)
    {"effect":{"headers":{"a":"x\r\ny"}}}
      400 "effect.headers.a": "\"x\\r\\ny\" is not a header's value: give text" (null)
    {"effect":{"headers":{"a":null}}}
      400 "effect.headers.a": "null is not a header's value: give text" (null)
    {"effect":{"headers":{"Content-Length":"5"}}}
      400 "effect.headers.Content-Length": "\"Content-Length\" belongs to the connection" ("use truncate, slow_body or reset for answers that break")
    {"effect":{"reset":"yes"}}
      400 "effect.reset": "\"yes\" is not true or false" (null)
    "#);
}

#[tokio::test]
async fn fault_that_can_never_apply_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    let inputs = [
        json!({ "endpoint": "tokens", "effect": { "reset": true } }),
        json!({ "grant_type": "refresh-token", "effect": { "reset": true } }),
        json!({ "client_id": "cnf", "effect": { "reset": true } }),
        json!({ "user": "adda", "effect": { "reset": true } }),
        json!({ "user": true, "effect": { "reset": true } }),
        json!({ "nth": 2, "after": 2, "effect": { "reset": true } }),
        json!({ "probability": 0, "effect": { "reset": true } }),
        json!({ "endpoint": "userinfo", "grant_type": "refresh_token", "effect": { "reset": true } }),
        json!({ "endpoint": "token", "effect": { "deny": true } }),
        json!({ "effect": { "reset": true, "body": "x" } }),
        json!({ "effect": { "truncate": true, "slow_body": true } }),
        json!({ "effect": { "error": "invalid_grant", "body": {} } }),
        json!({ "effect": { "deny": true, "status": 503 } }),
    ];
    assert_snapshot!(refusals(&mock, &inputs).await, @r#"
    {"endpoint":"tokens","effect":{"reset":true}}
      400 "endpoint": "no endpoint \"tokens\"" ("did you mean \"token\"?")
    {"grant_type":"refresh-token","effect":{"reset":true}}
      400 "grant_type": "no grant type \"refresh-token\"" ("did you mean \"refresh_token\"?")
    {"client_id":"cnf","effect":{"reset":true}}
      400 "client_id": "no client \"cnf\"" ("did you mean \"conf\"?")
    {"user":"adda","effect":{"reset":true}}
      400 "user": "no user \"adda\"" ("did you mean \"ada\"?")
    {"user":true,"effect":{"reset":true}}
      400 "user": "true is not a user's id or username" (null)
    {"nth":2,"after":2,"effect":{"reset":true}}
      400 "nth": "nth 2 is never after 2: both count all calls that fit" ("leave nth or after out")
    {"probability":0,"effect":{"reset":true}}
      400 "probability": "0 is never" ("give more than 0, up to 1")
    {"endpoint":"userinfo","grant_type":"refresh_token","effect":{"reset":true}}
      400 "grant_type": "\"refresh_token\" never comes to the endpoint \"userinfo\": it reads no grant_type" ("leave one of them out, or give the endpoint device-token or token")
    {"endpoint":"token","effect":{"deny":true}}
      400 "effect.deny": "nobody is asked for consent at the endpoint \"token\"" ("give the endpoint \"authorize\", or leave effect.deny out")
    {"effect":{"reset":true,"body":"x"}}
      400 "effect.body": "reset and body contradict each other: after a reset there is no answer" ("leave effect.reset or effect.body out")
    {"effect":{"truncate":true,"slow_body":true}}
      400 "effect.slow_body": "truncate and slow_body contradict each other: the body ends in one way" ("leave effect.truncate or effect.slow_body out")
    {"effect":{"error":"invalid_grant","body":{}}}
      400 "effect.error": "body and error contradict each other: there is one body" ("leave effect.body or effect.error out")
    {"effect":{"deny":true,"status":503}}
      400 "effect.status": "deny and status contradict each other: the user's Deny is the answer" ("leave effect.deny or effect.status out")
    "#);
}

#[tokio::test]
async fn fault_that_can_never_apply_is_rejected() {
    let mock = TestServer::documented().await;
    let fault = json!({ "endpoint": "tokn", "effect": { "status": 503 } });
    let answer = mock.ask("POST", "/_mock/faults").json(&fault).await;
    assert_snapshot!(answer.json(), @r#"{"error":"invalid","message":"no endpoint \"tokn\"","path":"endpoint","hint":"did you mean \"token\"?"}"#);
}
