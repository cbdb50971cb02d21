//! POST `/introspect`: who may call it, and what it returns.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, Fields, SandboxClient, TestServer};

const INTROSPECT: &str = "/api/auth/oauth/introspect";

/// Registers a client that may introspect.
async fn register_service(sandbox: &SandboxClient) {
    let service = json!({ "id": "link-service", "name": "Link service", "secret": "a+b c%",
        "may_introspect": true, "grants": [] });
    sandbox.control("POST", "/clients", service).await;
}

fn asks_about(token: &str) -> Fields {
    Fields::new(&[
        ("client_id", "link-service"),
        ("client_secret", "a+b c%"),
        ("token", token),
    ])
}

#[tokio::test]
async fn introspection_reads_basic_form_decoded_and_before_the_body() {
    let mock = TestServer::documented().await;
    register_service(&mock).await;
    mock.freeze("2026-01-31T12:00:00Z").await;
    let token = mock.tokens(&CONF, "5").await.access;
    let body = asks_about(&token).with("client_secret", "wrong");
    let by_basic = mock.post(INTROSPECT, &body);
    assert_snapshot!(by_basic.basic("link%2Dservice", "a%2Bb+c%25").await.summary(), @r#"200 {"active":true,"sub":"2","username":"ada","scope":"5","client_id":"conf","exp":1769864400,"token_type":"Bearer"}"#);
    // As it is, the secret would be another one.
    let as_it_is = mock.post(INTROSPECT, &asks_about(&token));
    assert_snapshot!(as_it_is.basic("link-service", "a+b c%25").await, @r#"
    401
    cache-control: no-store
    content-type: application/json
    x-mock-reason: wrong client_secret for Link service
    x-mock-request: http://mock/_mock/requests/4

    {"error":"invalid_client"}
    "#);
    let json = mock
        .request("POST", INTROSPECT)
        .json(&asks_about(&token).to_json());
    assert_eq!(json.await.json()["active"], true);
    // Not Basic, not base64, without a colon: the body counts.
    for header in ["Bearer x", "Basic ?", "Basic", "Basic YQ=="] {
        let asked = mock.post(INTROSPECT, &asks_about(&token));
        let answer = asked.header("authorization", header).await;
        assert_eq!(answer.json()["active"], true, "{header}");
    }
    // Half an escape, and no UTF-8: the secret as it is.
    for secret in ["a+b c%", "a+b%", "a+b%ff"] {
        let own = json!({ "secret": secret });
        mock.control("PATCH", "/clients/link-service", own).await;
        let asked = mock.post(INTROSPECT, &body).basic("link-service", secret);
        assert_eq!(asked.await.json()["active"], true, "{secret}");
    }
    assert_eq!(
        mock.get(INTROSPECT).await.header("allow").as_deref(),
        Some("POST")
    );
}

#[tokio::test]
async fn introspection_treats_json_that_is_not_text_as_missing() {
    let mock = TestServer::documented().await;
    let service = json!({ "id": "42", "name": "Link service", "secret": "12345678",
        "may_introspect": true, "grants": [] });
    mock.control("POST", "/clients", service).await;
    let token = mock.tokens(&CONF, "5").await.access;
    let right = json!({ "client_id": "42", "client_secret": "12345678", "token": token });
    for (name, value, is_active) in [
        ("token", json!(token), json!(true)),
        ("token", json!([token]), json!(false)),
        ("client_id", json!(42), Value::Null),
        ("client_secret", json!(12_345_678), Value::Null),
    ] {
        let mut sent = right.clone();
        sent[name] = value;
        let answer = mock.request("POST", INTROSPECT).json(&sent).await;
        assert_eq!(answer.json()["active"], is_active, "{sent} {answer}");
    }
}

#[tokio::test]
async fn introspection_of_an_owner_without_a_username_has_null() {
    let mock = TestServer::documented().await;
    register_service(&mock).await;
    let asked = json!({ "client_id": "conf", "user": 7, "scope": 1 });
    let issued = mock.control("POST", "/tokens", asked).await;
    let token = issued["access_token"].as_str().expect("a token");
    let answer = mock.post(INTROSPECT, &asks_about(token)).await.json();
    assert_eq!(answer.get("username"), Some(&Value::Null), "{answer}");
}

#[tokio::test]
async fn a_token_of_a_banned_or_deleted_user_is_inactive() {
    let mock = TestServer::documented().await;
    register_service(&mock).await;
    let token = mock.tokens(&CONF, "5").await.access;
    let is_active = async || {
        let answer = mock.post(INTROSPECT, &asks_about(&token)).await.json();
        answer["active"].as_bool().expect("true or false")
    };
    assert!(is_active().await);
    for change in ["banned", "deleted"] {
        let user = |is_so: bool| json!({ change: is_so });
        mock.control("PATCH", "/users/ada", user(true)).await;
        assert!(!is_active().await, "{change}");
        mock.control("PATCH", "/users/ada", user(false)).await;
        assert!(is_active().await, "{change}");
    }
}

#[tokio::test]
async fn introspection_is_limited_by_address_and_by_client() {
    let mock = TestServer::documented().await;
    register_service(&mock).await;
    mock.set(json!({ "rate_limits": true })).await;
    let ask = async |fields: &Fields, address: &str| {
        let asked = mock.post(INTROSPECT, fields);
        asked.header("x-forwarded-for", address).await
    };
    let wrong = asks_about("x").with("client_secret", "wrong");
    for _ in 0..120 {
        assert_eq!(ask(&wrong, "203.0.113.1").await.status, 401);
    }
    let limited = ask(&asks_about("x"), "203.0.113.1").await;
    assert_eq!(
        (limited.status, &*limited.body),
        (429, r#"{"error":"rate_limited"}"#)
    );
    for _ in 0..60 {
        assert_eq!(ask(&asks_about("x"), "203.0.113.2").await.status, 200);
    }
    assert_eq!(ask(&asks_about("x"), "203.0.113.3").await.status, 429);
    mock.advance(61).await;
    assert_eq!(ask(&asks_about("x"), "203.0.113.1").await.status, 200);
}
