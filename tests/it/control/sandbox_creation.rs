//! Which requests create a sandbox, and which sandboxes are evicted when the maximum is reached.

use civitai_oauth_mock::control::NewSandbox;
use civitai_oauth_mock::{Contract, Database, MockServer};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::task::yield_now;

use crate::support::{
    AUTHORIZE, CONF, SandboxClient, TOKEN, TempDir, TestRequest, TestResponse, TestServer,
    USERINFO, config,
};

/// The names of the sandboxes that exist.
async fn names(mock: &SandboxClient) -> Vec<String> {
    let listed = mock.get("/_mock/sandboxes").await.json();
    let names = listed["sandboxes"].as_array().expect("a list").iter();
    names
        .map(|sandbox| sandbox["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// What a page of another site can have a browser send.
fn from_page(ask: TestRequest, mode: &str, dest: &str) -> TestRequest {
    ask.header("sec-fetch-site", "cross-site")
        .header("sec-fetch-mode", mode)
        .header("sec-fetch-dest", dest)
}

fn create(mock: &SandboxClient, name: &str) -> TestRequest {
    mock.request("POST", "/_mock/sandboxes")
        .json(&json!({ "name": name }))
}

/// One refused request of each kind.
fn refused(sandbox: &SandboxClient) -> Vec<TestRequest> {
    let form = "application/x-www-form-urlencoded";
    let evil = "https://evil.example";
    vec![
        sandbox
            .request("POST", "/_mock/reset")
            .header("origin", evil),
        sandbox
            .get("/_mock/clock")
            .header("sec-fetch-site", "cross-site"),
        sandbox
            .get("/_mock/clock")
            .header("host", "rebound.evil.example"),
        sandbox.get("/").header("host", "rebound.evil.example"),
        sandbox.get("/_mock").header("sec-fetch-site", "cross-site"),
        sandbox.request("POST", "/mcp").header("origin", evil),
        sandbox.get("/mcp"),
        sandbox.get("/nothing/here"),
        sandbox.get("/login/"),
        sandbox.get(TOKEN),
        sandbox.request("DELETE", AUTHORIZE),
        sandbox.request("PUT", "/_mock/clock"),
        sandbox.request("POST", "/api/v1/me"),
        sandbox.request("PUT", "/v2/consumer/workflows"),
        sandbox.request("PATCH", "/login"),
        sandbox.request("OPTIONS", TOKEN).header("origin", evil),
        sandbox.request("OPTIONS", AUTHORIZE).header("origin", evil),
        sandbox
            .request("POST", "/login")
            .header("origin", evil)
            .body(form, "name=eve"),
        from_page(sandbox.get(AUTHORIZE), "no-cors", "image"),
        from_page(sandbox.get(AUTHORIZE), "navigate", "iframe"),
        from_page(sandbox.request("POST", TOKEN), "cors", "empty").header("origin", evil),
        from_page(sandbox.request("POST", AUTHORIZE), "navigate", "document"),
        sandbox.get("/_mock/assets/none.css"),
        sandbox.get("/api/health"),
        sandbox.get("/_mock/sandboxes"),
    ]
}

#[tokio::test]
async fn refused_requests_create_no_sandbox() {
    let mock = TestServer::documented().await;
    let mut number = 0;
    while number < 1000 {
        let kinds = refused(&mock).len();
        for kind in 0..kinds {
            let sandbox = mock.sandbox(&format!("s{number}"));
            let ask = refused(&sandbox).swap_remove(kind);
            let answer = ask.await;
            assert!(answer.status < 500, "{}: {answer}", answer.asked);
            number += 1;
        }
    }
    assert_eq!(names(&mock).await, ["default"]);
    assert_snapshot!(from_page(mock.sandbox("x").get(AUTHORIZE), "no-cors", "image").await, @r#"
    403
    content-type: application/json

    {"error":"forbidden","message":"a page of another site may not create the sandbox \"x\"","path":"sandbox","hint":"create it with POST /_mock/sandboxes, or register the page's origin with a client of the seed"}
    "#);
}

#[tokio::test]
async fn refused_requests_are_answered_as_in_a_sandbox_that_exists() {
    let mock = TestServer::documented().await;
    assert_eq!(create(&mock, "known").await.status, 201);
    let kinds = refused(&mock).len();
    for kind in 0..kinds {
        let known = refused(&mock.sandbox("known")).swap_remove(kind).await;
        let fresh = refused(&mock.sandbox("fresh")).swap_remove(kind).await;
        if fresh.body.contains("may not create") || fresh.asked.path().ends_with("/sandboxes") {
            continue;
        }
        let shown = |answer: &TestResponse| answer.without_mock_headers().replace("known", "fresh");
        assert_eq!(shown(&fresh), shown(&known), "{}", fresh.asked);
    }
    assert_eq!(names(&mock).await, ["default", "known"]);
}

#[tokio::test]
async fn a_missing_control_token_creates_no_sandbox() {
    let mut config = config(Contract::Documented);
    config.set_control_token("open-sesame").unwrap();
    let mock = TestServer::start(config).await;
    for number in 0..100 {
        let sandbox = mock.sandbox(&format!("s{number}"));
        let answers = [
            sandbox.get("/_mock/clock").await,
            sandbox.get("/_mock").await,
            sandbox.request("POST", "/mcp").json(&json!({})).await,
            sandbox
                .request("POST", "/_mock/unlock")
                .body("application/x-www-form-urlencoded", "token=wrong")
                .await,
        ];
        for answer in answers {
            assert_eq!(answer.status, 401, "{}: {answer}", answer.asked);
        }
    }
    let listed = mock
        .get("/_mock/sandboxes")
        .header("authorization", "Bearer open-sesame");
    assert_eq!(
        listed.await.json()["sandboxes"].as_array().map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn requests_that_an_endpoint_takes_create_their_sandbox() {
    let mut config = config(Contract::Documented);
    config.max_sandboxes = 100;
    let mock = TestServer::start(config).await;
    let path = format!("{AUTHORIZE}?{}", CONF.authorize_params("1").encoded());
    let sandbox = |name: &str| mock.sandbox(name);
    for (name, ask) in [
        ("login", sandbox("login").get("/login")),
        (
            "token",
            sandbox("token").post(TOKEN, &CONF.client_credentials()),
        ),
        ("userinfo", sandbox("userinfo").get(USERINFO)),
        ("control", sandbox("control").get("/_mock/clock")),
        ("page", sandbox("page").get("/_mock")),
        // The app sends its user to authorize.
        (
            "navigation",
            from_page(sandbox("navigation").get(&path), "navigate", "document"),
        ),
        // A page of an app that the seed registers.
        (
            "app",
            from_page(
                sandbox("app").post(TOKEN, &CONF.client_credentials()),
                "cors",
                "empty",
            )
            .header("origin", "https://app.example"),
        ),
        (
            "loopback",
            from_page(
                sandbox("loopback").post(TOKEN, &CONF.client_credentials()),
                "cors",
                "empty",
            )
            .header("origin", "http://127.0.0.1:3000"),
        ),
    ] {
        let answer = ask.await;
        assert!(![403, 404, 405].contains(&answer.status), "{answer}");
        assert!(names(&mock).await.contains(&name.to_owned()), "{name}");
    }
    let long = format!(r#"{{"seconds":"{}"}}"#, "1".repeat(600 * 1024));
    let refused = sandbox("long")
        .request("POST", "/_mock/clock/advance")
        .body("application/json", long.clone());
    let known = mock
        .request("POST", "/_mock/clock/advance")
        .body("application/json", long);
    let (refused, known) = (refused.await, known.await);
    assert_eq!((refused.status, &refused.body), (known.status, &known.body));
}

#[tokio::test]
async fn sandboxes_that_requests_created_make_room_for_explicit_ones() {
    let mut config = config(Contract::Documented);
    config.max_sandboxes = 10;
    let mock = TestServer::start(config).await;
    for number in 0..9 {
        let sandbox = mock.sandbox(&format!("request-{number}"));
        assert_eq!(sandbox.get("/login").await.status, 200);
    }
    assert_eq!(
        mock.sandbox("one-more").get("/login").await.summary(),
        "503 too_many_sandboxes: the limit of 10 sandboxes is reached"
    );
    // A control call makes a sandbox one that is wanted.
    mock.sandbox("request-0").get("/_mock/clock").await;
    for number in 0..8 {
        assert_eq!(create(&mock, &format!("mine-{number}")).await.status, 201);
    }
    let left = names(&mock).await;
    assert_eq!(left.len(), 10);
    assert!(left.contains(&"request-0".to_owned()), "{left:?}");
    assert_eq!(
        create(&mock, "mine-8").await.summary(),
        "503 too_many_sandboxes: the limit of 10 sandboxes is reached"
    );
    assert_eq!(mock.sandbox("mine-8").get("/_mock/clock").await.status, 503);
    mock.request("DELETE", "/_mock/sandboxes/mine-0").await;
    assert_eq!(mock.sandbox("mine-8").get("/_mock/clock").await.status, 200);
}

#[tokio::test]
async fn sandboxes_of_rust_tests_are_explicit() {
    let mut config = config(Contract::Documented);
    config.max_sandboxes = 3;
    let server = MockServer::builder().config(config).start().await;
    let server = server.unwrap();
    let sandbox = SandboxClient::at(server.server().base_url());
    sandbox.sandbox("a").get("/login").await;
    sandbox.sandbox("b").get("/login").await;
    // The one that has been idle longest goes; the other is explicit.
    server.sandbox("b").unwrap().users().await.unwrap();
    server.create_sandbox(NewSandbox::named("c")).await.unwrap();
    assert_eq!(names(&sandbox).await, ["b", "c", "default"]);
    assert!(server.create_sandbox(NewSandbox::named("d")).await.is_err());
}

#[tokio::test]
async fn a_creation_whose_caller_disconnects_completes_or_leaves_nothing() {
    let folder = TempDir::new();
    for database in [Database::Memory, Database::File(folder.path("mock.db"))] {
        let mut config = config(Contract::Documented);
        config.max_sandboxes = 2;
        config.database = database;
        let server = MockServer::builder().config(config).start().await.unwrap();
        let mock = SandboxClient::at(server.server().base_url());
        for turns in 0..20 {
            let disconnects = async {
                for _ in 0..turns {
                    yield_now().await;
                }
            };
            tokio::select! {
                biased;
                _ = server.create_sandbox(NewSandbox::named("x")) => {}
                () = disconnects => {}
            }
            // It waits for a creation that goes on.
            let status = create(&mock, "x").await.status;
            assert!([201, 409].contains(&status), "{status}");
            assert_eq!(names(&mock).await, ["default", "x"]);
            let deleted = mock.request("DELETE", "/_mock/sandboxes/x").await;
            assert_eq!(deleted.status, 200, "{deleted}");
            // There is room for one: no place was left behind.
            assert_eq!(create(&mock, "y").await.status, 201);
            mock.request("DELETE", "/_mock/sandboxes/y").await;
        }
    }
}

#[tokio::test]
async fn a_restart_knows_which_sandboxes_are_explicit() {
    let folder = TempDir::new();
    let start = async || {
        let mut config = config(Contract::Documented);
        config.max_sandboxes = 4;
        config.database = Database::File(folder.path("mock.db"));
        TestServer::start(config).await
    };
    let mock = start().await;
    mock.sandbox("request").get("/login").await;
    mock.sandbox("controlled").get("/login").await;
    mock.sandbox("controlled").get("/_mock/clock").await;
    assert_eq!(create(&mock, "explicit").await.status, 201);
    mock.stop().await;
    let mock = start().await;
    assert_eq!(create(&mock, "new").await.status, 201);
    let full: Value = create(&mock, "newer").await.json();
    assert_eq!(full["error"], "too_many_sandboxes");
    assert_eq!(
        names(&mock).await,
        ["controlled", "default", "explicit", "new"]
    );
}
