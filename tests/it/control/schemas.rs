//! The schemas of `/_mock/openapi.json`: answers fit them, and they leave nothing open by mistake.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::openapi::{document, operations, resolve};
use crate::support::{CONF, TestServer};

#[tokio::test]
async fn answers_fit_their_schemas() {
    let mock = TestServer::documented().await;
    let token = mock.tokens(&CONF, "1").await.access;
    let whom = json!({ "client_id": "conf", "user": "ada" });
    let agreed = json!({ "client_id": "conf", "user": "ada", "scope": 1 });
    let fault = json!({ "endpoint": "me", "effect": { "status": 503 } });
    let calls = [
        ("POST", "/_mock/tokens", whom.clone()),
        ("POST", "/_mock/codes", whom.clone()),
        ("POST", "/_mock/spends/reset", whom),
        (
            "POST",
            "/_mock/tokens/introspect",
            json!({ "token": token }),
        ),
        ("POST", "/_mock/tokens/expire", json!({})),
        ("POST", "/_mock/consents", agreed),
        ("POST", "/_mock/sessions", json!({ "user": "ada" })),
        ("POST", "/_mock/faults", fault),
        ("POST", "/_mock/faults/presets/rate-limited", json!({})),
        ("POST", "/_mock/snapshots/x", json!({})),
        ("POST", "/_mock/sandboxes", json!({ "name": "x" })),
        ("POST", "/_mock/clients/conf/rotate-secret", json!({})),
        ("POST", "/_mock/verify", json!([])),
        ("POST", "/_mock/clock/freeze", json!({})),
        ("GET", "/_mock/users", json!({})),
        ("GET", "/_mock/clients", json!({})),
        (
            "PATCH",
            "/_mock/clients/conf",
            json!({ "secret": "of-my-own" }),
        ),
        ("GET", "/_mock/clock", json!({})),
        ("GET", "/_mock/tokens", json!({})),
        ("GET", "/_mock/codes", json!({})),
        ("GET", "/_mock/consents", json!({})),
        ("GET", "/_mock/sessions", json!({})),
        ("GET", "/_mock/spends", json!({})),
        ("GET", "/_mock/faults", json!({})),
        ("GET", "/_mock/snapshots", json!({})),
        ("GET", "/_mock/sandboxes", json!({})),
        ("GET", "/_mock/requests", json!({})),
        ("GET", "/_mock/settings", json!({})),
        ("GET", "/_mock/contract", json!({})),
        ("GET", "/_mock/advice", json!({})),
        ("DELETE", "/_mock/tokens", json!({})),
        ("DELETE", "/_mock/consents", json!({})),
    ];
    mock.token(&CONF.client_credentials()).await;
    let document = document(&mock).await;
    for (method, path, input) in calls {
        let answer = mock.request(method, path).json(&input).await;
        let described = &document["paths"][path
            .replace("/x", "/{name}")
            .replace("rate-limited", "{name}")
            .replace("/conf", "/{id}")][method.to_lowercase()]["responses"]
            [answer.status.to_string()]["content"]["application/json"]["schema"];
        let place = format!("{method} {path}");
        assert_ne!(*described, Value::Null, "{place} {}", answer.status);
        let difference = difference(&document, described, &answer.json(), &place);
        assert_eq!(difference, None);
    }
}

/// The first difference between a value and its schema.
fn difference(document: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    let schema = resolve(document, schema);
    let wrong = |what: &str| Some(format!("{place}: {what}: {value}"));
    for choices in ["anyOf", "oneOf"] {
        if let Some(choices) = schema[choices].as_array() {
            let mut differences = choices
                .iter()
                .map(|one| difference(document, one, value, place));
            if differences.all(|difference| difference.is_some()) {
                return wrong("no choice fits");
            }
        }
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema["enum"]
            .as_array()
            .is_some_and(|all| !all.contains(value))
    {
        return wrong("not one of the words");
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    };
    let is_a = |kind: &Value| match kind.as_str().expect("a type is a word") {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{place}: no type {other}"),
    };
    if !types.is_empty() && !types.iter().any(is_a) {
        return wrong(&format!("not of type {}", schema["type"]));
    }
    for item in value.as_array().into_iter().flatten() {
        if let Some(difference) = difference(document, &schema["items"], item, place) {
            return Some(difference);
        }
    }
    for key in schema["required"].as_array().into_iter().flatten() {
        let key = key.as_str().expect("a key is text");
        if value.is_object() && value.get(key).is_none() {
            return wrong(&format!("lacks {key}"));
        }
    }
    let properties = schema["properties"].as_object()?;
    for (key, value) in value.as_object().into_iter().flatten() {
        let Some(property) = properties.get(key) else {
            return wrong(&format!("{key} is not described"));
        };
        let place = format!("{place} {key}");
        if let Some(difference) = difference(document, property, value, &place) {
            return Some(difference);
        }
    }
    None
}

#[tokio::test]
async fn every_schema_has_a_type() {
    let mock = TestServer::documented().await;
    let document = document(&mock).await;
    let mut untyped = Vec::new();
    find_untyped(&document["components"]["schemas"], "", &mut untyped);
    for (method, path, operation) in operations(&document) {
        find_untyped(&json!(operation), &format!("{method} {path}"), &mut untyped);
    }
    // JSON of an app or of a test.
    assert_snapshot!(untyped.join("\n"), @"
    /Effect/properties/body
    /Explanation/properties/facts/additionalProperties
    /RequestDetail/properties/response_body
    /RequestDetail/properties/params/additionalProperties
    /RequestDetail/properties/headers/additionalProperties
    /RequestView/properties/response_body
    /RequestView/properties/params/additionalProperties
    /RequestView/properties/headers/additionalProperties
    get /_mock/advice/responses/200/content/application/sarif+json/schema
    get /_mock/openapi.json/responses/200/content/application/json/schema/additionalProperties
    ");
}

/// Adds the places of schemas that allow any value, or any object.
fn find_untyped(value: &Value, place: &str, found: &mut Vec<String>) {
    let is_schema = |key: &str| ["schema", "items", "additionalProperties"].contains(&key);
    for (key, inner) in value.as_object().into_iter().flatten() {
        let place = format!("{place}/{key}");
        let is_open =
            *inner == json!(true) || *inner == json!({}) || *inner == json!({ "type": "object" });
        let is_property = key == "properties";
        for (name, property) in inner
            .as_object()
            .into_iter()
            .flatten()
            .filter(|_| is_property)
        {
            let only_described = property
                .as_object()
                .is_some_and(|keys| keys.keys().all(|key| key == "description"));
            if *property == json!(true) || only_described {
                found.push(format!("{place}/{name}"));
            }
        }
        if is_open && is_schema(key) {
            found.push(place);
        } else {
            find_untyped(inner, &place, found);
        }
    }
    for (at, inner) in value.as_array().into_iter().flatten().enumerate() {
        find_untyped(inner, &format!("{place}/{at}"), found);
    }
}
