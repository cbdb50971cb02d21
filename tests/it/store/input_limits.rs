//! Bounds of what one request makes the server store or compute: each error names the bound.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{CONF, Fields, SPA, SandboxClient, SpendingApp, TOKEN, TestServer};

async fn summary(sandbox: &SandboxClient, method: &str, path: &str, body: &Value) -> String {
    let answer = sandbox.request(method, path).json(body).await;
    answer.summary()
}

#[tokio::test]
async fn a_workflow_has_at_most_a_hundred_steps_and_eight_kibibytes_of_names() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 25).await;
    let steps = |count: usize, name: &str| json!({ "cost": 0, "steps": vec![json!({ "name": name }); count] });
    assert_eq!(ada.submit(&steps(100, "x")).await.status, 200);
    let refused = ada.submit(&steps(101, "x")).await;
    assert_eq!(refused.status, 400);
    assert_snapshot!(refused.json()["errors"], @r#"{"steps":["101 steps: a workflow has at most 100."]}"#);
    let refused = ada.submit(&steps(2, &"x".repeat(5000))).await;
    assert_eq!(refused.status, 400);
    assert_snapshot!(refused.json()["errors"], @r#"{"steps":["The types and names of the steps have 10016 bytes: at most 8192 are stored."]}"#);
}

#[tokio::test]
async fn a_consent_has_at_most_twenty_budgets_and_four_kibibytes_of_them() {
    let mock = TestServer::documented().await;
    let limit = |count: usize, cron: &str| {
        json!(vec![
            json!({ "type": "rollover", "limit": 1000, "cron": cron });
            count
        ])
    };
    let never = "0 0 30 2 *";
    let long = "0 ".repeat(3000);
    for (limit, status) in [
        (limit(20, never), 302),
        (limit(21, never), 400),
        (limit(1, &long), 400),
    ] {
        let asked = CONF
            .authorize_params("114689")
            .and("buzz_limit", &limit.to_string());
        let answer = mock.approve(&asked).await;
        assert_eq!(answer.status, status, "{answer}");
        if status == 400 {
            assert_eq!(
                answer.summary(),
                "400 invalid_request: buzz_limit failed validation"
            );
        }
    }
    let ada = SpendingApp::funded(&mock, &CONF, 3000).await;
    assert!(ada.pays(1000).await && !ada.pays(1).await);
    let consent = |limit: Value| json!({ "user": "ada", "client_id": "conf", "scope": 114_689, "buzz_limit": limit });
    let path = "/_mock/consents";
    let daily = "0 0 * * *";
    assert_snapshot!(summary(&mock, "POST", path, &consent(limit(21, daily))).await, @"400 invalid: 21 budgets; a limit has at most 20");
    assert_snapshot!(summary(&mock, "POST", path, &consent(limit(1, &long))).await, @"400 invalid: 6044 bytes of JSON; a limit has at most 4096");
}

#[tokio::test]
async fn the_form_of_a_limit_has_at_most_twenty_budgets() {
    let mock = TestServer::documented().await;
    mock.tokens(&CONF, "1").await;
    let cookie = mock.session("ada").await;
    let mut form = Fields::new(&[]);
    for at in 1..=21 {
        form = form
            .and(&format!("kind-{at}"), "absolute")
            .and(&format!("limit-{at}"), "5");
    }
    let answer = mock
        .post("/user/account/connected/conf/limit", &form)
        .cookie(&cookie)
        .await;
    assert!(
        answer.body.contains("21 budgets; a limit has at most 20"),
        "{answer}"
    );
}

#[tokio::test]
async fn one_call_verifies_at_most_a_hundred_expectations() {
    let mock = TestServer::documented().await;
    mock.get("/login").await;
    let all = |count: usize| json!(vec![json!({ "path": "/login" }); count]);
    let path = "/_mock/verify";
    assert_snapshot!(summary(&mock, "POST", path, &all(100)).await, @r#"200 {"verified":true}"#);
    assert_snapshot!(summary(&mock, "POST", path, &all(101)).await, @"400 invalid: 101 expectations; one request accepts at most 100");
}

#[tokio::test]
async fn the_data_of_a_code_has_at_most_two_kibibytes() {
    let mock = TestServer::live().await;
    let at_bound = "n".repeat(2048);
    let above = "n".repeat(2049);
    let code = mock
        .approve(&CONF.authorize_params("1").and("nonce", &at_bound))
        .await;
    assert_eq!(code.status, 303);
    for (name, text) in [
        ("nonce", above.clone()),
        ("code_challenge", above.clone()),
        ("redirect_uri", format!("{}?{above}", SPA.redirect_uri)),
    ] {
        let answer = mock
            .approve(&SPA.authorize_params("1").with(name, &text))
            .await;
        assert_eq!(answer.status, 400, "{name}");
        assert!(
            answer.summary().starts_with("400 invalid_request"),
            "{answer}"
        );
    }
    let answer = mock
        .approve(&SPA.authorize_params("1").with("nonce", &above))
        .await;
    assert_snapshot!(answer.summary(), @"400 invalid_request: Invalid parameter: `nonce`");
    let path = "/_mock/codes";
    let code = |name: &str, text: &str| json!({ "client_id": "conf", "user": "ada", name: text });
    let uri = |bytes: usize| format!("{:x<bytes$}", "http://localhost:3000/");
    for (name, text) in [("nonce", at_bound), ("redirect_uri", uri(2048))] {
        let issued = mock.request("POST", path).json(&code(name, &text)).await;
        assert_eq!(issued.status, 201, "{issued}");
    }
    assert_snapshot!(summary(&mock, "POST", path, &code("nonce", &above)).await, @"400 invalid: 2049 bytes; at most 2048 are stored with a code");
    assert_snapshot!(summary(&mock, "POST", path, &code("redirect_uri", &uri(2049))).await, @"400 invalid: 2049 bytes; at most 2048 are stored with a code");
}

#[tokio::test]
async fn a_client_id_has_at_most_255_bytes() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "unknown_clients": "register" })).await;
    for (length, known) in [(255, true), (256, false)] {
        let id = "c".repeat(length);
        let sent = CONF.refresh_params("x").with("client_id", &id);
        mock.token(&sent).await;
        let status = mock.get(&format!("/_mock/clients/{id}")).await.status;
        assert_eq!(status == 200, known, "{length}");
    }
    let client = json!({ "id": "c".repeat(256), "name": "C" });
    assert_snapshot!(summary(&mock, "POST", "/_mock/clients", &client).await, @"400 invalid: 256 bytes; a client id has at most 255");
}

#[tokio::test]
async fn users_and_clients_have_a_bound_of_bytes() {
    let mock = TestServer::documented().await;
    let long = "x".repeat(20_000);
    let user = json!({ "username": "eve", "image": long });
    assert_snapshot!(summary(&mock, "POST", "/_mock/users", &user).await, @"400 invalid: the texts of a user have 20003 bytes; at most 8192 are stored");
    assert_snapshot!(summary(&mock, "PATCH", "/_mock/users/ada", &json!({ "image": long })).await, @"400 invalid: the texts of a user have 20018 bytes; at most 8192 are stored");
    let client = json!({ "name": "C", "description": long });
    assert_snapshot!(summary(&mock, "POST", "/_mock/clients", &client).await, @"400 invalid: the texts of a client have 20037 bytes; at most 16384 are stored");
    let client = json!({ "description": long });
    assert_snapshot!(summary(&mock, "PATCH", "/_mock/clients/conf", &client).await, @"400 invalid: the texts of a client have 20189 bytes; at most 16384 are stored");
    let seed = json!({ "users": [{ "id": 1, "username": "ada", "image": long }] });
    let sandbox = json!({ "name": "large", "seed": seed });
    assert_snapshot!(summary(&mock, "POST", "/_mock/sandboxes", &sandbox).await, @"400 invalid: the texts of a user have 20003 bytes; at most 8192 are stored");
    let cookie = mock.session("ada").await;
    let uris = format!("http://localhost:3000/{long}");
    let app = Fields::new(&[
        ("name", "My App"),
        ("redirect_uris", &uris),
        ("kind", "confidential"),
        ("preset", "Full Access"),
    ]);
    let answer = mock
        .post("/user/account/new-app", &app)
        .cookie(&cookie)
        .await;
    assert!(
        answer.body.contains("have at most 8192 bytes in total"),
        "{}",
        answer.status
    );
}

#[tokio::test]
async fn faults_have_bounds_of_number_and_bytes() {
    let mock = TestServer::documented().await;
    let fault =
        |bytes: usize| json!({ "endpoint": "token", "effect": { "body": "x".repeat(bytes) } });
    let path = "/_mock/faults";
    for _ in 0..1000 {
        mock.control("POST", "/faults", fault(1)).await;
    }
    assert_snapshot!(summary(&mock, "POST", path, &fault(1)).await, @"400 invalid: the limit of 1000 faults in this sandbox is reached");
    mock.control("DELETE", "/faults", json!({})).await;
    mock.control("POST", "/faults", fault(1)).await;
}

#[tokio::test]
async fn faults_of_all_sandboxes_share_a_bound_of_memory() {
    let mock = TestServer::documented().await;
    // 100 KB of JSON, and 6 MB in memory.
    let zeros = json!({ "endpoint": "token", "effect": { "body": vec![0; 49_900] } });
    let (a, b, c) = (mock.sandbox("a"), mock.sandbox("b"), mock.sandbox("c"));
    for sandbox in [&a, &a, &b, &b, &c] {
        sandbox.control("POST", "/faults", zeros.clone()).await;
    }
    a.control("POST", "/snapshots/one", json!({})).await;
    let full = summary(&c, "POST", "/_mock/faults", &zeros).await;
    let bound = "the faults of all sandboxes have at most 33554432 bytes in memory";
    assert!(
        full.starts_with("400 invalid: ") && full.contains(bound),
        "{full}"
    );
    // In place of the same fault.
    a.control("POST", "/snapshots/one/restore", json!({})).await;
    a.control("DELETE", "/faults", json!({})).await;
    c.control("POST", "/faults", zeros.clone()).await;
    c.control("POST", "/faults", zeros.clone()).await;
    let restore = "/_mock/snapshots/one/restore";
    assert_snapshot!(summary(&a, "POST", restore, &json!({})).await, @"503 full: the limit of 33554432 bytes in the faults of all sandboxes is reached");
    mock.control("DELETE", "/sandboxes/c", json!({})).await;
    a.control("POST", "/snapshots/one/restore", json!({})).await;
}

#[tokio::test]
async fn json_in_a_request_has_at_most_fifty_thousand_values() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 25).await;
    // The list, its values, and what is around it.
    let fields = |values: usize| {
        let mut fields = CONF.client_credentials().to_json();
        fields["padding"] = json!(vec![10; values]);
        fields
    };
    let token = async |values: usize| {
        mock.request("POST", TOKEN)
            .json(&fields(values))
            .await
            .summary()
    };
    assert!(token(49_900).await.starts_with("200 "));
    assert_snapshot!(token(50_000).await, @"400 invalid_request: Missing parameter: `client_id`");
    let order = |values: usize| json!({ "cost": 0, "padding": vec![10; values] });
    assert_eq!(ada.submit(&order(49_900)).await.status, 200);
    assert_snapshot!(ada.submit(&order(50_000)).await.summary(), @r#"400 {"type":"https://tools.ietf.org/html/rfc9110#section-15.5.1","title":"One or more validation errors occurred.","status":400,"errors":{"$":["The body has more than 50000 values."]}}"#);
    let wide = json!(vec![1; 60_000]);
    assert_snapshot!(summary(&mock, "POST", "/_mock/users", &wide).await, @"400 invalid: the body has more than 50000 values");
    assert_snapshot!(summary(&mock, "POST", "/mcp", &wide).await, @r#"400 {"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"the message has more than 50000 values"}}"#);
}

#[tokio::test]
async fn a_batch_of_trpc_has_at_most_twenty_calls() {
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 25).await;
    let batch = |count: usize| format!("{}?batch=1", vec!["apiKey.getSpend"; count].join(","));
    assert_eq!(ada.call(&batch(20)).await.status, 200);
    assert_snapshot!(ada.call(&batch(21)).await.summary(), @r#"400 {"error":{"json":{"message":"21 calls in one batch; at most 20 are answered: send several batches","code":-32600,"data":{"code":"BAD_REQUEST","httpStatus":400,"path":"apiKey.getSpend"}}}}"#);
}

#[tokio::test]
async fn a_batch_of_trpc_repeats_at_most_a_megabyte() {
    const APPS: usize = 40;
    let mock = TestServer::documented().await;
    let ada = SpendingApp::funded(&mock, &CONF, 25).await;
    let budget = json!({ "type": "absolute", "limit": 1_000_000, "currencies": ["yellow"] });
    for number in 0..APPS {
        let id = format!("app-{number}");
        let client = json!({ "id": id, "name": id, "redirect_uris": ["http://localhost/cb"] });
        mock.control("POST", "/clients", client).await;
        let consent = json!({ "user": "ada", "client_id": id, "scope": "1", "buzz_limit": vec![&budget; 20] });
        mock.control("POST", "/consents", consent).await;
    }
    let batch = |count: usize| format!("{}?batch=1", vec!["apiKey.getSpend"; count].join(","));
    let once = ada.call(&batch(1)).await;
    assert_eq!(once.status, 200);
    assert!(once.body.len() > 1024 * 1024 / 19, "{}", once.body.len());
    assert_eq!(ada.call(&batch(2)).await.status, 200);
    assert_snapshot!(ada.call(&batch(20)).await.summary(), @r#"400 {"error":{"json":{"message":"the batch repeats more than 1048576 bytes: call each procedure once","code":-32600,"data":{"code":"BAD_REQUEST","httpStatus":400,"path":"apiKey.getSpend"}}}}"#);
}
