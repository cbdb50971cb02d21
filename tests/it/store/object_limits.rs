//! Limits of users, clients and snapshots that pages and unregistered apps can create.

use civitai_oauth_mock::{Contract, Database};
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{CONF, Fields, SandboxClient, TempDir, TestServer, config};

const MOST: usize = 1000;

fn named(name: &str) -> Fields {
    Fields::new(&[("name", name)])
}

#[tokio::test]
async fn cross_site_forms_neither_sign_in_nor_create_users() {
    let mock = TestServer::documented().await;
    let mut table = String::new();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("origin", "https://evil.example"),
        ("origin", "null"),
        ("origin", "http://203.0.113.5"),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-site", "none"),
        ("origin", "http://localhost:3000"),
    ] {
        for path in ["/login", "/login/oauth/device"] {
            let answer = mock.post(path, &named("eve")).header(name, value).await;
            table += &format!("{path} {name} {value}: {}\n", answer.status);
        }
    }
    assert_snapshot!(table, @r"
    /login sec-fetch-site cross-site: 403
    /login/oauth/device sec-fetch-site cross-site: 403
    /login origin https://evil.example: 403
    /login/oauth/device origin https://evil.example: 403
    /login origin null: 403
    /login/oauth/device origin null: 403
    /login origin http://203.0.113.5: 403
    /login/oauth/device origin http://203.0.113.5: 403
    /login sec-fetch-site same-origin: 303
    /login/oauth/device sec-fetch-site same-origin: 303
    /login sec-fetch-site none: 303
    /login/oauth/device sec-fetch-site none: 303
    /login origin http://localhost:3000: 303
    /login/oauth/device origin http://localhost:3000: 303
    ");
    let refused = mock
        .post("/login", &named("mallory"))
        .header("origin", "https://evil.example");
    assert_eq!(
        refused.await.summary(),
        r#"403 forbidden: "https://evil.example" may not send this form"#
    );
    assert_eq!(mock.get("/_mock/users/mallory").await.status, 404);
    // By whatever name the page was opened, its own form is its own.
    let own = mock
        .post("/login", &named("eve"))
        .header("host", "auth.civitai.test:8080")
        .header("origin", "http://auth.civitai.test:8080")
        .header("sec-fetch-site", "same-origin");
    assert_eq!(own.await.status, 303);
    let link = mock
        .get("/login")
        .header("sec-fetch-site", "cross-site")
        .header("origin", "https://app.example");
    assert_eq!(link.await.status, 200);
}

#[tokio::test]
async fn sign_in_page_creates_at_most_a_thousand_users() {
    let mock = TestServer::documented().await;
    let known = mock.users().await.len();
    for number in known..MOST - 1 {
        let made = json!({ "username": format!("user-{number}") });
        mock.control("POST", "/users", made).await;
    }
    assert_eq!(mock.post("/login", &named("last")).await.status, 303);
    let full = mock.post("/login", &named("one-more")).await;
    assert_eq!(full.status, 503);
    assert_eq!(
        full.page().texts(".problem"),
        [
            "the limit of 1000 users in this sandbox is reached; delete some with the control API, \
             or reset the sandbox."
        ]
    );
    assert_eq!(mock.get("/_mock/users/one-more").await.status, 404);
    // Users who are there sign in, and control calls make as many as they like.
    assert_eq!(mock.post("/login", &named("last")).await.status, 303);
    mock.control("POST", "/users", json!({ "username": "one-more" }))
        .await;
}

#[tokio::test]
async fn unknown_clients_and_the_account_page_register_a_thousand_clients_at_most() {
    let mock = TestServer::documented().await;
    mock.set(json!({ "unknown_clients": "register" })).await;
    let known = mock.clients().await.len();
    let asks = |id: &str| CONF.authorize_params("1").with("client_id", id);
    for number in known..MOST {
        let sent = asks(&format!("unknown-{number}")).with("grant_type", "refresh_token");
        mock.token(&sent).await;
    }
    assert_eq!(mock.clients().await.len(), MOST);
    let sent = asks("one-more").with("grant_type", "refresh_token");
    assert_snapshot!(mock.token(&sent).await.summary(), @"500 server_error: the limit of 1000 clients in this sandbox is reached; delete some with the control API, or reset the sandbox");
    let requests = mock.control("GET", "/requests?limit=1", json!({})).await;
    assert_snapshot!(requests["requests"][0]["reason"], @r#"{"code":"full","message":"the limit of 1000 clients in this sandbox is reached","rule":null,"facts":{},"fix":"delete some with the control API, or reset the sandbox","source":"docs/reference/limits.md"}"#);
    let cookie = mock.session("ada").await;
    let app = Fields::new(&[
        ("name", "My App"),
        ("redirect_uris", "http://localhost:3000/cb"),
        ("kind", "confidential"),
        ("preset", "Full Access"),
    ]);
    let registered = mock.post("/user/account/new-app", &app).cookie(&cookie);
    assert_snapshot!(registered.await.summary(), @"503 full: the limit of 1000 clients in this sandbox is reached");
    mock.control("POST", "/clients", json!({ "name": "Mine" }))
        .await;
    let sent = asks("unknown-500").with("grant_type", "refresh_token");
    assert_ne!(mock.token(&sent).await.status, 500);
}

async fn snapshot(sandbox: &SandboxClient, name: &str) -> u16 {
    let taken = sandbox.request("POST", &format!("/_mock/snapshots/{name}"));
    taken.await.status
}

#[tokio::test]
async fn a_sandbox_has_a_hundred_snapshots_at_most_after_a_restart_too() {
    let folder = TempDir::new();
    let start = async || {
        let mut config = config(Contract::Documented);
        config.database = Database::File(folder.path("mock.db"));
        TestServer::start(config).await
    };
    let mock = start().await;
    for number in 0..100 {
        assert_eq!(snapshot(&mock, &format!("s{number}")).await, 201);
    }
    assert_snapshot!(mock.request("POST", "/_mock/snapshots/more").await, @r#"
    409
    content-type: application/json

    {"error":"conflict","message":"the limit of 100 snapshots in this sandbox is reached","path":"name","hint":"remove one with DELETE snapshots/{name}, or replace one by reusing its name"}
    "#);
    assert_eq!(snapshot(&mock, "s7").await, 201, "in place of another");
    assert_eq!(snapshot(&mock.sandbox("x"), "more").await, 201);
    mock.stop().await;
    let mock = start().await;
    assert_eq!(snapshot(&mock, "more").await, 409);
    mock.control("DELETE", "/snapshots/s0", json!({})).await;
    assert_eq!(snapshot(&mock, "more").await, 201);
}
