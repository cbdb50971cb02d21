//! Requests that overlap a reset, restore or deletion: they are answered and change nothing in the new data.

use std::path::Path;
use std::time::Duration;

use civitai_oauth_mock::{Contract, Database};
use serde_json::{Value, json};

use crate::support::{
    CONF, Fields, RawConnection, SandboxClient, Stopwatch, TOKEN, TempDir, TestServer, config,
};

/// Sends a token request that is answered after 400 ms, and another request while it runs. Returns the access token and the
/// status of the other request.
async fn run_during_token_request(
    sandbox: &SandboxClient,
    mock: &TestServer,
    path: &str,
) -> (String, u16) {
    let code = sandbox.code(&CONF, "1").await;
    let slow = json!({ "endpoint": "token", "times": 1, "effect": { "delay": "400ms" } });
    sandbox.control("POST", "/faults", slow).await;
    let asked = async {
        let answer = sandbox.token(&CONF.redeem_params(&code)).await;
        assert_eq!(answer.status, 200, "it is answered all the same: {answer}");
        answer.json()["access_token"]
            .as_str()
            .expect("it is text")
            .to_owned()
    };
    let done = async {
        let began = Stopwatch::start();
        loop {
            let faults = sandbox.control("GET", "/faults", json!({})).await;
            if faults["faults"][0]["triggered"] == 1 {
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(10), "it never began");
        }
        let (method, path) = path.split_once(' ').expect("a method and a path");
        mock.request(method, path).await.status
    };
    tokio::join!(asked, done)
}

async fn count(sandbox: &SandboxClient, path: &str, key: &str) -> usize {
    let shown = sandbox.control("GET", path, json!({})).await;
    shown[key].as_array().map_or(0, Vec::len)
}

#[tokio::test]
async fn request_begun_before_a_reset_leaves_nothing_after_it() {
    let mock = TestServer::documented().await;
    let (late, status) = run_during_token_request(&mock, &mock, "POST /_mock/reset").await;
    assert_eq!(status, 200);
    assert!(!mock.is_active(&late).await);
    assert_eq!(count(&mock, "/tokens", "tokens").await, 0);
    let requests = mock.control("GET", "/requests", json!({})).await;
    let endpoints: Vec<&Value> = requests["requests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["endpoint"])
        .collect();
    assert_eq!(endpoints, ["userinfo"], "only what came after it");
    assert_eq!(requests["counters"]["total"], 1);
}

#[tokio::test]
async fn control_call_begun_before_a_reset_leaves_nothing_after_it() {
    let mock = TestServer::documented().await;
    let fault = json!({ "endpoint": "token", "effect": { "status": 503 } }).to_string();
    let settings = json!({ "login": "tess" }).to_string();
    for (method, path, body, status) in [
        ("POST", "faults", &*fault, "201"),
        ("PATCH", "settings", &*settings, "200"),
        ("DELETE", "requests", "{}", "200"),
        ("POST", "clock/advance", r#"{"by":"1h"}"#, "200"),
    ] {
        let mut line = RawConnection::to(mock.server().address()).await;
        let head = format!(
            "{method} /_mock/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        line.send(head).await;
        line.read_until("100 Continue").await;
        mock.control("POST", "/reset", json!({})).await;
        mock.tokens(&CONF, "1").await;
        line.send(body).await;
        let heard = line.read_to_close().await;
        assert!(heard.starts_with(&format!("HTTP/1.1 {status}")), "{heard}");
        assert_eq!(count(&mock, "/faults", "faults").await, 0, "{path}");
        let login = mock.control("GET", "/settings", json!({})).await["login"].clone();
        assert_eq!(login, Value::Null, "{path}");
        let clock = mock.control("GET", "/clock", json!({})).await["state"].clone();
        assert_eq!(clock, json!({ "running": { "ahead_ms": 0 } }), "{path}");
        assert!(count(&mock, "/requests", "requests").await > 0, "{path}");
    }
}

#[tokio::test]
async fn request_begun_before_a_restore_leaves_nothing_after_it() {
    let mock = TestServer::documented().await;
    let earlier = mock.tokens(&CONF, "1").await;
    mock.control("POST", "/snapshots/s", json!({})).await;
    let (late, status) =
        run_during_token_request(&mock, &mock, "POST /_mock/snapshots/s/restore").await;
    assert_eq!(status, 200);
    assert!(!mock.is_active(&late).await && mock.is_active(&earlier.access).await);
    assert_eq!(count(&mock, "/tokens", "tokens").await, 2);
}

#[tokio::test]
async fn request_in_a_deleted_sandbox_leaves_nothing_in_its_successor() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    let (late, status) =
        run_during_token_request(&sandbox, &mock, "DELETE /_mock/sandboxes/x").await;
    assert_eq!(status, 200);
    assert!(!sandbox.is_active(&late).await);
    assert_eq!(count(&sandbox, "/tokens", "tokens").await, 0);
}

#[tokio::test]
async fn sandbox_can_be_deleted_and_used_concurrently() {
    let folder = TempDir::new();
    for database in [Database::Memory, Database::File(folder.path("mock.db"))] {
        let mut config = config(Contract::Documented);
        config.database = database;
        let mock = TestServer::start(config).await;
        let mut tasks = tokio::task::JoinSet::new();
        for at in 0..48 {
            let sandbox = mock.sandbox("x");
            tasks.spawn(async move {
                match at % 4 {
                    0 => {
                        let server = SandboxClient::at(sandbox.base.replace("/_sandbox/x", ""));
                        let status = server.request("DELETE", "/_mock/sandboxes/x").await.status;
                        assert!(status == 200 || status == 404, "{status}");
                    }
                    1 => assert_eq!(sandbox.request("POST", "/_mock/reset").await.status, 200),
                    _ => {
                        let answer = sandbox.token(&CONF.client_credentials()).await;
                        assert_eq!(answer.status, 200, "{answer}");
                    }
                }
            });
        }
        while let Some(done) = tasks.join_next().await {
            done.unwrap();
        }
        // Whatever the order was: it is one whole sandbox now.
        let sandbox = mock.sandbox("x");
        let tokens = sandbox.tokens(&CONF, "1").await;
        assert!(sandbox.is_active(&tokens.access).await);
        assert_eq!(sandbox.request("POST", "/_mock/reset").await.status, 200);
        assert!(!sandbox.is_active(&tokens.access).await);
        mock.stop().await;
    }
}

async fn in_file(path: &Path, idle: Option<Duration>) -> TestServer {
    let mut config = config(Contract::Documented);
    config.database = Database::File(path.to_owned());
    if let Some(idle) = idle {
        config.sandbox_idle = idle;
    }
    TestServer::start(config).await
}

#[tokio::test]
async fn customized_sandbox_survives_a_restart() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let mock = in_file(&path, None).await;
    let made = json!({
        "name": "own",
        "seed": {
            "users": [{ "id": 9, "username": "nine" }],
            "clients": [{ "id": "solo", "name": "Solo", "secret": "s3cret", "grants": ["client_credentials"] }],
        },
        "settings": { "contract": "live", "differences": { "redirect-status": "documented" }, "login": "nine" },
    });
    mock.control("POST", "/sandboxes", made).await;
    let sandbox = mock.sandbox("own");
    let shown = |what: &'static str| {
        let sandbox = &sandbox;
        async move { sandbox.control("GET", what, json!({})).await }
    };
    let before = [
        shown("/settings").await,
        shown("/users").await,
        shown("/clients").await,
    ];
    sandbox.control("DELETE", "/users/nine", json!({})).await;
    sandbox
        .control("POST", "/users", json!({ "username": "ten" }))
        .await;
    mock.stop().await;

    let mock = in_file(&path, None).await;
    let sandbox = mock.sandbox("own");
    let users = sandbox.users().await;
    assert_eq!(
        users[0]["username"], "ten",
        "unchanged, without users of the server's seed: {users:?}"
    );
    assert_eq!(
        sandbox.control("GET", "/settings", json!({})).await,
        before[0]
    );
    assert_eq!(sandbox.request("POST", "/_mock/reset").await.status, 200);
    let mut after = Vec::new();
    for what in ["/settings", "/users", "/clients"] {
        after.push(sandbox.control("GET", what, json!({})).await);
    }
    assert_eq!(
        after, before,
        "a reset goes back to its own seed and settings"
    );
    let solo = Fields::new(&[
        ("grant_type", "client_credentials"),
        ("client_id", "solo"),
        ("client_secret", "s3cret"),
    ]);
    assert_eq!(
        sandbox.post(TOKEN, &solo).await.status,
        200,
        "its secret is stored too"
    );
    mock.stop().await;
}

#[tokio::test]
async fn sandboxes_of_an_earlier_run_are_evicted_when_idle() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let mock = in_file(&path, None).await;
    mock.sandbox("old").tokens(&CONF, "1").await;
    mock.stop().await;

    let mock = in_file(&path, None).await;
    let shown = mock.control("GET", "/sandboxes/old", json!({})).await;
    assert!(
        shown["idle_seconds"].as_u64() < Some(60),
        "idle from the start on: {shown}"
    );
    mock.stop().await;

    let mock = in_file(&path, Some(Duration::from_millis(50))).await;
    let began = Stopwatch::start();
    while mock.get("/_mock/sandboxes/old").await.status == 200 {
        assert!(began.elapsed() < Duration::from_secs(20), "it stays");
    }
    mock.stop().await;
}

#[tokio::test]
async fn a_full_sandbox_is_reset_as_fast_as_an_empty_one() {
    let mock = TestServer::documented().await;
    let mut took = Vec::new();
    for full in [false, true] {
        let mut resets = Vec::new();
        for _ in 0..3 {
            if full {
                fill(&mock, 400).await;
                // After the connections that have just closed.
                assert_eq!(mock.get("/api/health").await.status, 200);
            }
            let began = Stopwatch::start();
            assert_eq!(mock.request("POST", "/_mock/reset").await.status, 200);
            resets.push(began.elapsed());
        }
        // The shortest: what else this machine does makes each of them longer.
        took.extend(resets.into_iter().min());
    }
    eprintln!("a reset: empty {:?}, full {:?}", took[0], took[1]);
    // Emptying what was there would take many times as long.
    assert!(
        took[1] < took[0] * 4 + Duration::from_millis(50),
        "{took:?}"
    );
}

async fn fill(sandbox: &SandboxClient, count: usize) {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..count {
        let sandbox = SandboxClient::at(sandbox.base.clone());
        tasks.spawn(async move {
            assert_eq!(sandbox.token(&CONF.client_credentials()).await.status, 200);
        });
    }
    tasks.join_all().await;
}
