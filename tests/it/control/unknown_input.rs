//! Unknown input of control calls: it is rejected, so that no filter is silently ignored.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, SandboxClient, TestServer};

async fn refusals(mock: &SandboxClient, calls: &[(&str, &str, Value)]) -> String {
    let mut table = String::new();
    for (method, path, body) in calls {
        let ask = mock.request(method, &format!("/_mock/{path}"));
        let answer = if body.is_null() {
            ask.await
        } else {
            ask.json(body).await
        };
        let error = answer.json();
        table += &format!(
            "{method} {path} {body}\n  {} {}: {} ({})\n",
            answer.status, error["path"], error["message"], error["hint"]
        );
    }
    table
}

#[tokio::test]
async fn unknown_input_is_rejected_without_effect() {
    let mock = TestServer::documented().await;
    mock.token(&CONF.client_credentials()).await;
    let fault = json!({ "endpoint": "me", "effect": { "status": 503 } });
    mock.control("POST", "/faults", fault).await;
    let long = "x".repeat(200);
    let calls = [
        ("DELETE", "requests?endpoint=token", Value::Null),
        ("DELETE", "requests", json!({ "endpoint": "token" })),
        ("DELETE", "faults?id=1", Value::Null),
        ("DELETE", "faults/1?id=2", Value::Null),
        ("POST", "reset", json!({ "clock": true })),
        ("POST", "snapshots/x", json!({ "a": 1 })),
        ("POST", "snapshots/x/restore", json!(["rows"])),
        (
            "POST",
            "clients/conf/rotate-secret",
            json!({ "length": long }),
        ),
        ("POST", "clock/resume", json!({ "at": 5 })),
        ("POST", "clock/set?at=5", json!({ "at": 5 })),
        ("PATCH", "settings?login=ada", json!({ "contract": "live" })),
        ("GET", "users?limit=3", Value::Null),
        ("GET", "clock?x=1", Value::Null),
        ("GET", "tokens?user=ada", json!({ "user": "tess" })),
        ("GET", "openapi.json", json!("yaml")),
    ];
    assert_snapshot!(refusals(&mock, &calls).await, @r#"
    DELETE requests?endpoint=token null
      400 "endpoint": "unknown key \"endpoint\" with the value \"token\"" ("this operation has no input")
    DELETE requests {"endpoint":"token"}
      400 "endpoint": "unknown key \"endpoint\" with the value \"token\"" ("this operation has no input")
    DELETE faults?id=1 null
      400 "id": "unknown key \"id\" with the value \"1\"" ("this operation has no input")
    DELETE faults/1?id=2 null
      400 "id": "unknown key \"id\" with the value \"2\"" ("this operation has no input")
    POST reset {"clock":true}
      400 "clock": "unknown key \"clock\" with the value true" ("this operation has no input")
    POST snapshots/x {"a":1}
      400 "a": "unknown key \"a\" with the value 1" ("this operation has no input")
    POST snapshots/x/restore ["rows"]
      400 "": "unexpected body [\"rows\"]" ("this operation has no input")
    POST clients/conf/rotate-secret {"length":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
      400 "length": "unknown key \"length\" with the value \"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" ("this operation has no input")
    POST clock/resume {"at":5}
      400 "at": "unknown key \"at\" with the value 5" ("this operation has no input")
    POST clock/set?at=5 {"at":5}
      400 "at": "unknown key \"at\" with the value \"5\"" ("this operation has no query parameters: send keys and values as JSON in the body")
    PATCH settings?login=ada {"contract":"live"}
      400 "login": "unknown key \"login\" with the value \"ada\"" ("this operation has no query parameters: send keys and values as JSON in the body")
    GET users?limit=3 null
      400 "limit": "unknown key \"limit\" with the value \"3\"" ("this operation has no input")
    GET clock?x=1 null
      400 "x": "unknown key \"x\" with the value \"1\"" ("this operation has no input")
    GET tokens?user=ada {"user":"tess"}
      400 "user": "unknown key \"user\" with the value \"tess\"" ("this operation has no body: send parameters in the query")
    GET openapi.json "yaml"
      400 "": "unexpected body \"yaml\"" ("this operation has no input")
    "#);
    let journal = mock.control("GET", "/requests", Value::Null).await;
    assert_eq!(journal["requests"].as_array().map(Vec::len), Some(1));
    assert_eq!(mock.get("/_mock/faults/1").await.status, 200);
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 200);
    let broken = mock
        .request("POST", "/_mock/reset")
        .body("application/json", "{")
        .await;
    assert_eq!(broken.status, 400, "{broken}");
}

#[tokio::test]
async fn empty_input_is_accepted_in_three_forms() {
    let mock = TestServer::documented().await;
    for body in ["", "{}", "null"] {
        for (method, path) in [("POST", "reset"), ("DELETE", "requests"), ("GET", "clock")] {
            let ask = mock.request(method, &format!("/_mock/{path}"));
            let answer = ask.body("application/json", body).await;
            assert_eq!(answer.status, 200, "{method} {path} {body:?}: {answer}");
        }
    }
}

#[tokio::test]
async fn duplicate_input_is_rejected() {
    let mock = TestServer::documented().await;
    let calls = [
        ("GET", "requests?status=200&status=400", Value::Null),
        ("GET", "tokens?user=ada&user=ada", Value::Null),
        ("DELETE", "tokens?user=tess", json!({ "user": "ada" })),
    ];
    assert_snapshot!(refusals(&mock, &calls).await, @r#"
    GET requests?status=200&status=400 null
      400 "status": "the key \"status\" is given twice: \"200\" and \"400\"" ("omit one of them")
    GET tokens?user=ada&user=ada null
      400 "user": "the key \"user\" is given twice: \"ada\" and \"ada\"" ("omit one of them")
    DELETE tokens?user=tess {"user":"ada"}
      400 "user": "the key \"user\" is given twice: \"ada\" and \"tess\"" ("omit one of them")
    "#);
}

#[tokio::test]
async fn unquoted_text_is_rejected_with_advice_to_quote() {
    let mock = TestServer::documented().await;
    let answer = mock
        .request("POST", "/_mock/clock/advance")
        .body("application/json", "1h")
        .await;
    assert_snapshot!(answer.body, @r#"{"error":"invalid","message":"the body is not JSON: trailing characters at line 1 column 2","path":"","hint":"put 1h in quotes: \"1h\""}"#);
}

#[tokio::test]
async fn form_is_rejected_with_advice_to_send_json() {
    let mock = TestServer::documented().await;
    let send = async |path: &'static str, body: &'static str| {
        let form = "application/x-www-form-urlencoded";
        mock.request("POST", path).body(form, body).await.body
    };
    assert_snapshot!(send("/_mock/tokens", "user=ada&client_id=conf").await, @r#"{"error":"invalid","message":"the body is not JSON: expected value at line 1 column 1","path":"","hint":"send JSON, not a form: curl -d '{…}', or the parameter json= of Python's requests"}"#);
    assert_snapshot!(send("/_mock/clock/advance", "by=1h").await, @r#"{"error":"invalid","message":"the body is not JSON: expected value at line 1 column 1","path":"","hint":"send JSON, not a form: curl -d '{…}', or the parameter json= of Python's requests"}"#);
    assert_snapshot!(send("/_mock/reset", "now=1").await, @r#"{"error":"invalid","message":"the body is not JSON: expected ident at line 1 column 2","path":"","hint":"this operation has no input"}"#);
    assert_snapshot!(send("/_mock/tokens", "{\"user\"=1}").await, @r#"{"error":"invalid","message":"the body is not JSON: expected `:` at line 1 column 8","path":""}"#);
}
