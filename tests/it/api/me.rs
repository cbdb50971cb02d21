//! `/api/v1/me`: what an app learns about its user, and which requests get 401.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, ME, SPA, SandboxClient, SpendingApp, TestServer};

/// A token as a control call issues it: user, scope.
async fn issue(mock: &SandboxClient, user: impl Into<Value>, scope: u32) -> String {
    let user: Value = user.into();
    let asked = json!({ "client_id": "conf", "user": user, "scope": scope, "exact_scope": true });
    let made = mock.control("POST", "/tokens", asked).await;
    made["access_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn token_gets_its_user_and_scope() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::for_ada(&mock, &CONF).await;
    assert_snapshot!(ada.get(ME).await, @r#"
    200
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json

    {"id":2,"username":"ada","status":"active","isMember":false,"subscriptions":[],"email":"ada@example.com","emailVerified":false,"tokenScope":114689,"buzzLimit":null,"subject":{"type":"oauth","id":"conf"}}
    "#);
    mock.control(
        "PATCH",
        "/users/tess",
        json!({ "tier": "gold", "subscriptions": ["gold", "green"], "muted": true }),
    )
    .await;
    mock.control("PATCH", "/users/modo", json!({ "tier": "free" }))
        .await;
    let mut table = String::new();
    for user in [json!("tess"), json!("blank"), json!("modo"), json!(7)] {
        let token = issue(&mock, user, 1).await;
        table += &format!("{}\n", SpendingApp::with(&mock, &token).get(ME).await.body);
    }
    assert_snapshot!(table, @r#"
    {"id":3,"username":"tess","tier":"gold","status":"muted","isMember":true,"subscriptions":["gold","green"],"email":"tess@example.com","emailVerified":true,"tokenScope":1,"buzzLimit":null,"subject":{"type":"oauth","id":"conf"}}
    {"id":4,"username":"blank","status":"active","isMember":false,"subscriptions":[],"tokenScope":1,"buzzLimit":null,"subject":{"type":"oauth","id":"conf"}}
    {"id":5,"username":"modo","tier":"free","status":"active","isMember":false,"subscriptions":[],"email":"mod@example.com","emailVerified":true,"tokenScope":1,"buzzLimit":null,"subject":{"type":"oauth","id":"conf"}}
    {"id":7,"username":null,"status":"active","isMember":false,"subscriptions":[],"email":"noname@example.com","emailVerified":false,"tokenScope":1,"buzzLimit":null,"subject":{"type":"oauth","id":"conf"}}
    "#);
}

#[tokio::test]
async fn without_userread_there_is_no_email() {
    let mock = TestServer::documented().await;
    let token = issue(&mock, "ada", 32768).await;
    assert_snapshot!(SpendingApp::with(&mock, &token).get(ME).await.body, @r#"{"id":2,"username":"ada","status":"active","isMember":false,"subscriptions":[],"tokenScope":32768,"buzzLimit":null,"subject":{"type":"oauth","id":"conf"}}"#);
}

#[tokio::test]
async fn the_token_comes_by_header_or_by_query_and_the_header_goes_first() {
    let mock = TestServer::documented().await;
    let (ada, tess) = (issue(&mock, "ada", 1).await, issue(&mock, "tess", 1).await);
    let by_query = format!("{ME}?token={tess}");
    assert_eq!(mock.get(&by_query).await.text("username"), "tess");
    let twice = mock.get(&format!("{by_query}&token={ada}")).await;
    assert_eq!(twice.text("username"), "tess", "the first counts");
    for header in [format!("Bearer {ada}"), format!("bearer {ada}")] {
        let answer = mock.get(&by_query).header("authorization", &header).await;
        assert_eq!(answer.text("username"), "ada", "{header}");
    }
    let answer = mock
        .get(&by_query)
        .header("authorization", "Bearer nonsense")
        .await;
    assert_eq!(answer.status, 401);
}

#[tokio::test]
async fn session_gets_its_user_without_token_data() {
    let mock = TestServer::documented().await;
    let cookie = mock.session("ada").await;
    assert_snapshot!(mock.get(ME).cookie(&cookie).await.body, @r#"{"id":2,"username":"ada","status":"active","isMember":false,"subscriptions":[],"email":"ada@example.com","emailVerified":false}"#);
}

#[tokio::test]
async fn missing_expired_and_revoked_tokens_get_401() {
    let mock = TestServer::documented().await;
    let nobody = mock.get(ME).await;
    assert_snapshot!(nobody, @r#"
    401
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    content-type: application/json
    x-mock-reason: the call requires the header Authorization: Bearer with the access token and a capital B; most clients remove it when a redirect leads to another host
    x-mock-request: http://mock/_mock/requests/1

    {"error":"Unauthorized"}
    "#);
    let mut tokens = vec!["nonsense".to_owned(), mock.tokens(&CONF, "1").await.refresh];
    let revoked = mock.tokens(&CONF, "1").await.access;
    mock.control("DELETE", "/tokens", json!({ "token": revoked }))
        .await;
    tokens.push(revoked);
    for (user, change) in [
        ("tess", json!({ "banned": true })),
        ("blank", json!({ "deleted": true })),
    ] {
        tokens.push(issue(&mock, user, 1).await);
        mock.control("PATCH", &format!("/users/{user}"), change)
            .await;
    }
    let expired = issue(&mock, "ada", 1).await;
    mock.advance(3601).await;
    tokens.push(expired);
    for token in tokens {
        let answer = SpendingApp::with(&mock, &token).get(ME).await;
        assert_eq!(answer.without_mock_headers(), nobody.without_mock_headers());
    }
}

#[tokio::test]
async fn only_get_is_accepted() {
    let mock = TestServer::documented().await;
    assert_snapshot!(mock.request("POST", ME).await, @r#"
    405
    access-control-allow-headers: *
    access-control-allow-methods: GET
    access-control-allow-origin: *
    allow: GET, OPTIONS
    content-type: application/json
    x-mock-reason: this path does not support the method POST
    x-mock-request: http://mock/_mock/requests/1

    {"error":"Method not allowed"}
    "#);
    for method in ["PUT", "PATCH", "DELETE", "HEAD"] {
        assert_eq!(mock.request(method, ME).await.status, 405, "{method}");
    }
}

#[tokio::test]
async fn cap_is_shown_and_outlives_its_token() {
    let mock = TestServer::documented().await;
    let budgets = r#"[{"type":"sliding","limit":5000,"window":"day","unit":1}]"#;
    let request = SPA.authorize_params("114689").and("buzz_limit", budgets);
    let code = mock.approve(&request).await.code();
    let first = mock.token(&SPA.redeem_params(&code)).await;
    let next = mock
        .token(&SPA.refresh_params(&first.text("refresh_token")))
        .await;
    for token in [&first, &next] {
        let me = SpendingApp::with(&mock, &token.text("access_token"))
            .get(ME)
            .await
            .json();
        assert_eq!(me["buzzLimit"].to_string(), budgets);
    }
    let other = SpendingApp::for_ada(&mock, &CONF)
        .await
        .get(ME)
        .await
        .json();
    assert!(other["buzzLimit"].is_null(), "{other}");
}

#[tokio::test]
async fn client_credentials_token_acts_for_the_owner() {
    let mock = TestServer::documented().await;
    let token = mock
        .token(&CONF.client_credentials())
        .await
        .text("access_token");
    let me = SpendingApp::with(&mock, &token).get(ME).await;
    assert_eq!(me.text("username"), "owner");
}

#[tokio::test]
async fn sandbox_rejects_tokens_of_other_sandboxes() {
    let mock = TestServer::live().await;
    let inside = SpendingApp::for_ada(&mock.sandbox("x"), &CONF).await;
    assert_eq!(inside.get(ME).await.status, 200);
    let outside = SpendingApp::with(&mock, &inside.token);
    assert_eq!(outside.get(ME).await.status, 401);
}
