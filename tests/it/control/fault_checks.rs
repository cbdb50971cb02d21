//! `/_mock/faults`: faults that are rejected, and their errors. Valid ones are in `faults.rs`.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{SandboxClient, TestServer};

/// Status, key, message and hint of each refusal; nothing is set by any.
async fn refusals(mock: &SandboxClient, inputs: &[Value]) -> String {
    let mut table = String::new();
    for input in inputs {
        let answer = mock.request("POST", "/_mock/faults").json(input).await;
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
        json!({ "endpont": "token", "effect": { "reset_connection": true } }),
        json!({ "endpoint": ["token"], "effect": { "reset_connection": true } }),
        json!({ "times": 0, "effect": { "reset_connection": true } }),
        json!({ "nth": 0, "effect": { "reset_connection": true } }),
        json!({ "times": -1, "effect": { "reset_connection": true } }),
        json!({ "probability": 1.5, "effect": { "reset_connection": true } }),
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
        json!({ "effect": { "status": 304, "truncate_body": true } }),
        json!({ "effect": { "status": 205, "slow_body": true } }),
        json!({ "effect": { "delay": { "min": 2 } } }),
        json!({ "effect": { "delay": { "min": "x", "max": 1 } } }),
        json!({ "effect": { "delay": { "min": 1, "max": 2, "avg": 1 } } }),
        json!({ "effect": { "delay": true } }),
        json!({ "effect": { "headers": { "a b": "x" } } }),
        json!({ "effect": { "headers": { "a": "x\r\ny" } } }),
        json!({ "effect": { "headers": { "a": null } } }),
        json!({ "effect": { "headers": { "Content-Length": "5" } } }),
        json!({ "effect": { "reset_connection": "yes" } }),
    ];
    assert_snapshot!(refusals(&mock, &inputs).await, @r#"
    {}
      400 "": "missing key \"effect\"" (null)
    {"effect":{}}
      400 "effect": "the effect is empty" ("give error, status, body, headers, delay, reset_connection, truncate_body, malformed_json, slow_body or deny_consent")
    {"effect":{"eror":"x"}}
      400 "effect.eror": "unknown key \"eror\"" ("did you mean \"error\"?")
    {"endpont":"token","effect":{"reset_connection":true}}
      400 "endpont": "unknown key \"endpont\"" ("did you mean \"endpoint\"?")
    {"endpoint":["token"],"effect":{"reset_connection":true}}
      400 "endpoint": "a list is not text" (null)
    {"times":0,"effect":{"reset_connection":true}}
      400 "times": "with 0 the fault never applies" ("use 1 or more")
    {"nth":0,"effect":{"reset_connection":true}}
      400 "nth": "with 0 the fault never applies" ("use 1 or more")
    {"times":-1,"effect":{"reset_connection":true}}
      400 "times": "-1 is not a whole number, 0 or more" (null)
    {"probability":1.5,"effect":{"reset_connection":true}}
      400 "probability": "1.5 is not between 0 and 1" ("use a number greater than 0 and at most 1")
    {"effect":{"status":99}}
      400 "effect.status": "99 is not a status from 200 to 599" (null)
    {"effect":{"status":70000}}
      400 "effect.status": "70000 is not a whole number from 0 to 65535" (null)
    {"effect":{"error_description":"why"}}
      400 "effect.error_description": "error_description requires error" ("add effect.error")
    {"effect":{"delay":"soon"}}
      400 "effect.delay": "\"soon\" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds" (null)
    {"effect":{"delay":-1}}
      400 "effect.delay": "-1s is not between 0s and 10m" ("a number is in seconds; write \"300ms\" for milliseconds")
    {"effect":{"delay":"1h"}}
      400 "effect.delay": "1h is not between 0s and 10m" ("a number is in seconds; write \"300ms\" for milliseconds")
    {"effect":{"delay":{"min":2,"max":1}}}
      400 "effect.delay": "min 2s is greater than max 1s" ("swap them")
    {"effect":{"delay":{"min":"1500ms","max":"1s"}}}
      400 "effect.delay": "min 1500ms is greater than max 1s" ("swap them")
    {"effect":{"delay":{"min":1,"max":"11m"}}}
      400 "effect.delay": "11m is not between 0s and 10m" ("a number is in seconds; write \"300ms\" for milliseconds")
    {"effect":{"status":204,"body":{"a":1}}}
      400 "effect.body": "status 204 and body contradict each other: a 204 response has no body" ("omit effect.body, or use another status")
    {"effect":{"status":204,"error":"invalid_grant"}}
      400 "effect.error": "status 204 and error contradict each other: a 204 response has no body" ("omit effect.error, or use another status")
    {"effect":{"status":304,"truncate_body":true}}
      400 "effect.truncate_body": "status 304 and truncate_body contradict each other: a 304 response has no body" ("omit effect.truncate_body, or use another status")
    {"effect":{"status":205,"slow_body":true}}
      400 "effect.slow_body": "status 205 and slow_body contradict each other: a 205 response has no body" ("omit effect.slow_body, or use another status")
    {"effect":{"delay":{"min":2}}}
      400 "effect.delay": "missing key \"max\"" (null)
    {"effect":{"delay":{"min":"x","max":1}}}
      400 "effect.delay.min": "\"x\" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds" (null)
    {"effect":{"delay":{"min":1,"max":2,"avg":1}}}
      400 "effect.delay.avg": "unknown key \"avg\"" ("choose among min, max")
    {"effect":{"delay":true}}
      400 "effect.delay": "true is not a length of time: \"1h\", \"300ms\" or a number of seconds" (null)
    {"effect":{"headers":{"a b":"x"}}}
      400 "effect.headers.a b": "\"a b\" is not a valid header name" (null)
    {"effect":{"headers":{"a":"x\r\ny"}}}
      400 "effect.headers.a": "\"x\\r\\ny\" is not a valid header value: use text" (null)
    {"effect":{"headers":{"a":null}}}
      400 "effect.headers.a": "null is not a valid header value: use text" (null)
    {"effect":{"headers":{"Content-Length":"5"}}}
      400 "effect.headers.Content-Length": "\"Content-Length\" is a connection header, which a fault cannot set" ("use truncate_body, slow_body or reset_connection for broken responses")
    {"effect":{"reset_connection":"yes"}}
      400 "effect.reset_connection": "\"yes\" is not true or false" (null)
    "#);
}

#[tokio::test]
async fn fault_that_can_never_apply_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    let inputs = [
        json!({ "endpoint": "tokens", "effect": { "reset_connection": true } }),
        json!({ "grant_type": "refresh-token", "effect": { "reset_connection": true } }),
        json!({ "client_id": "cnf", "effect": { "reset_connection": true } }),
        json!({ "user": "adda", "effect": { "reset_connection": true } }),
        json!({ "user": true, "effect": { "reset_connection": true } }),
        json!({ "nth": 2, "skip": 2, "effect": { "reset_connection": true } }),
        json!({ "probability": 0, "effect": { "reset_connection": true } }),
        json!({ "endpoint": "userinfo", "grant_type": "refresh_token", "effect": { "reset_connection": true } }),
        json!({ "endpoint": "token", "effect": { "deny_consent": true } }),
        json!({ "effect": { "reset_connection": true, "body": "x" } }),
        json!({ "effect": { "truncate_body": true, "slow_body": true } }),
        json!({ "effect": { "error": "invalid_grant", "body": {} } }),
        json!({ "effect": { "deny_consent": true, "status": 503 } }),
    ];
    assert_snapshot!(refusals(&mock, &inputs).await, @r#"
    {"endpoint":"tokens","effect":{"reset_connection":true}}
      400 "endpoint": "no endpoint \"tokens\"" ("did you mean \"token\"?")
    {"grant_type":"refresh-token","effect":{"reset_connection":true}}
      400 "grant_type": "no grant type \"refresh-token\"" ("did you mean \"refresh_token\"?")
    {"client_id":"cnf","effect":{"reset_connection":true}}
      400 "client_id": "no client \"cnf\"" ("did you mean \"conf\"?")
    {"user":"adda","effect":{"reset_connection":true}}
      400 "user": "no user \"adda\"" ("did you mean \"ada\"?")
    {"user":true,"effect":{"reset_connection":true}}
      400 "user": "true is not a user's id or username" (null)
    {"nth":2,"skip":2,"effect":{"reset_connection":true}}
      400 "nth": "nth 2 is not greater than skip 2, so the fault never applies: both count all matching requests" ("omit nth or skip")
    {"probability":0,"effect":{"reset_connection":true}}
      400 "probability": "with 0 the fault never applies" ("use a number greater than 0 and at most 1")
    {"endpoint":"userinfo","grant_type":"refresh_token","effect":{"reset_connection":true}}
      400 "grant_type": "the endpoint \"userinfo\" has no grant_type, so \"refresh_token\" never matches" ("omit one of them, or use the endpoint device-token or token")
    {"endpoint":"token","effect":{"deny_consent":true}}
      400 "effect.deny_consent": "the endpoint \"token\" does not ask for consent" ("use the endpoint \"authorize\", or omit effect.deny_consent")
    {"effect":{"reset_connection":true,"body":"x"}}
      400 "effect.body": "reset_connection and body contradict each other: a reset connection has no response" ("omit effect.reset_connection or effect.body")
    {"effect":{"truncate_body":true,"slow_body":true}}
      400 "effect.slow_body": "truncate_body and slow_body contradict each other: a body can be cut in only one way" ("omit effect.truncate_body or effect.slow_body")
    {"effect":{"error":"invalid_grant","body":{}}}
      400 "effect.error": "body and error contradict each other: a response has only one body" ("omit effect.body or effect.error")
    {"effect":{"deny_consent":true,"status":503}}
      400 "effect.status": "deny_consent and status contradict each other: the response is the user's denial" ("omit effect.deny_consent or effect.status")
    "#);
}

#[tokio::test]
async fn fault_that_can_never_apply_is_rejected() {
    let mock = TestServer::documented().await;
    let fault = json!({ "endpoint": "tokn", "effect": { "status": 503 } });
    let answer = mock.request("POST", "/_mock/faults").json(&fault).await;
    assert_snapshot!(answer.json(), @r#"{"error":"invalid","message":"no endpoint \"tokn\"","path":"endpoint","hint":"did you mean \"token\"?"}"#);
}
