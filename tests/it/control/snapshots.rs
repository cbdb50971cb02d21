//! `/_mock/snapshots` and `/_mock/reset`: what is restored, what is not, and how long it takes.

use std::time::Duration;

use civitai_oauth_mock::{Contract, Database};
use insta::assert_snapshot;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{CONF, Fields, SPA, SandboxClient, Stopwatch, TempDir, TestServer, config};

/// As long as a machine that is busy may take for what takes 5 ms.
const BOUND: Duration = Duration::from_millis(500);

async fn take(mock: &SandboxClient, name: &str) -> Value {
    mock.control("POST", &format!("/snapshots/{name}"), json!({}))
        .await
}

async fn restore(mock: &SandboxClient, name: &str) {
    mock.control("POST", &format!("/snapshots/{name}/restore"), json!({}))
        .await;
}

async fn total(mock: &SandboxClient) -> Value {
    mock.control("GET", "/requests", json!({})).await["counters"]["total"].clone()
}

#[tokio::test]
async fn restore_covers_data_clock_settings_and_faults_but_not_the_journal() {
    let mock = TestServer::documented().await;
    mock.control(
        "POST",
        "/clock/freeze",
        json!({ "at": "2026-01-31T12:00:00Z" }),
    )
    .await;
    mock.set(json!({ "contract": "live", "login": "tess" }))
        .await;
    mock.control(
        "POST",
        "/faults",
        json!({ "endpoint": "revoke", "effect": { "status": 503 } }),
    )
    .await;
    let cookie = mock.session("ada").await;
    let grants = json!(["urn:ietf:params:oauth:grant-type:device_code"]);
    mock.control("PATCH", "/clients/spa", json!({ "grants": grants }))
        .await;
    let (tokens, code) = (mock.tokens(&CONF, "1").await, mock.code(&CONF, "1").await);
    let device = mock
        .post(
            "/api/auth/oauth/device",
            &Fields::new(&[("client_id", "spa")]),
        )
        .await;
    mock.approve(&CONF.authorize_params("7").and("remember", "true"))
        .await;
    let everything = async || {
        let mut all = Vec::new();
        for path in [
            "clock", "settings", "users", "clients", "consents", "tokens",
        ] {
            all.push(mock.control("GET", &format!("/{path}"), json!({})).await);
        }
        let faults = mock.control("GET", "/faults", json!({})).await;
        all.push(faults["faults"][0]["effect"].clone());
        all
    };
    let before = everything().await;
    assert_snapshot!(take(&mock, "signed-in").await, @r#"{"name":"signed-in","taken_at":"2026-01-31T12:00:00Z"}"#);

    mock.token(&CONF.redeem_params(&code)).await;
    mock.token(&CONF.refresh_params(&tokens.refresh)).await;
    mock.control("DELETE", "/tokens", json!({})).await;
    mock.control("DELETE", "/consents", json!({})).await;
    mock.control("DELETE", "/users/ada", json!({})).await;
    mock.control("DELETE", "/clients/spa", json!({})).await;
    mock.control("POST", "/users", json!({ "username": "new" }))
        .await;
    mock.control("POST", "/clock/resume", json!({})).await;
    mock.set(json!({ "contract": "documented", "login": null }))
        .await;
    mock.control("DELETE", "/faults", json!({})).await;
    let sent = total(&mock).await;

    restore(&mock, "signed-in").await;
    assert_eq!(everything().await, before);
    assert_eq!(total(&mock).await, sent);
    assert!(mock.is_active(&tokens.access).await);
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 200);
    assert_eq!(
        mock.token(&CONF.refresh_params(&tokens.refresh))
            .await
            .status,
        200
    );
    let asked = Fields::new(&[("user_code", &device.text("user_code"))]);
    let waiting = mock
        .post("/api/auth/oauth/device-info", &asked)
        .cookie(&cookie);
    assert_eq!(
        waiting.await.status,
        200,
        "session and device are there again"
    );
    assert_eq!(mock.revoke(&CONF.revoke_params("x")).await.status, 503);

    // As often as is wished: the snapshot stays.
    restore(&mock, "signed-in").await;
    assert_eq!(mock.token(&CONF.redeem_params(&code)).await.status, 200);
}

#[tokio::test]
async fn restore_brings_back_the_remaining_times_of_a_fault() {
    let mock = TestServer::documented().await;
    mock.control(
        "POST",
        "/faults",
        json!({ "endpoint": "token", "times": 2, "effect": { "status": 503 } }),
    )
    .await;
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 503);
    let before = mock.control("GET", "/faults", json!({})).await;
    take(&mock, "one-left").await;
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 503);
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 200);
    restore(&mock, "one-left").await;
    assert_eq!(mock.control("GET", "/faults", json!({})).await, before);
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 503);
    assert_eq!(mock.token(&CONF.client_credentials()).await.status, 200);
    let next = json!({ "endpoint": "token", "effect": { "status": 500 } });
    assert_eq!(mock.control("POST", "/faults", next).await["id"], 2);
}

#[tokio::test]
async fn snapshots_are_listed_read_replaced_and_deleted() {
    let mock = TestServer::documented().await;
    mock.control(
        "POST",
        "/clock/freeze",
        json!({ "at": "2026-01-31T12:00:00Z" }),
    )
    .await;
    assert_snapshot!(mock.get("/_mock/snapshots/a").await, @r#"
    404
    content-type: application/json

    {"error":"not_found","message":"no snapshot \"a\"","path":"name","hint":"take one with POST snapshots/{name}"}
    "#);
    assert_snapshot!(mock.request("POST", "/_mock/snapshots/b").await, @r#"
    201
    content-type: application/json

    {"name":"b","taken_at":"2026-01-31T12:00:00Z"}
    "#);
    take(&mock, "a").await;
    mock.advance(60).await;
    take(&mock, "b").await;
    assert_snapshot!(mock.get("/_mock/snapshots").await.body, @r#"{"snapshots":[{"name":"a","taken_at":"2026-01-31T12:00:00Z"},{"name":"b","taken_at":"2026-01-31T12:01:00Z"}]}"#);
    assert_snapshot!(mock.get("/_mock/snapshots/b").await.body, @r#"{"name":"b","taken_at":"2026-01-31T12:01:00Z"}"#);
    let mut table = String::new();
    for (method, path) in [
        ("GET", "/_mock/snapshots/c"),
        ("POST", "/_mock/snapshots/c/restore"),
        ("DELETE", "/_mock/snapshots/c"),
        ("POST", "/_mock/snapshots/a%20b"),
        ("POST", "/_mock/snapshots/a@b"),
    ] {
        let answer = mock.request(method, path).await;
        table += &format!(
            "{method} {path}: {} ({})\n",
            answer.summary(),
            answer.json()["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    GET /_mock/snapshots/c: 404 not_found: no snapshot "c" ("there are a, b")
    POST /_mock/snapshots/c/restore: 404 not_found: no snapshot "c" ("there are a, b")
    DELETE /_mock/snapshots/c: 404 not_found: no snapshot "c" ("there are a, b")
    POST /_mock/snapshots/a%20b: 400 invalid: "a b" is not a valid name: it contains ' ' ("use at most 64 letters, digits, - _ .")
    POST /_mock/snapshots/a@b: 400 invalid: "a@b" is not a valid name: it contains '@' ("use at most 64 letters, digits, - _ .")
    "#);
    assert_snapshot!(mock.request("DELETE", "/_mock/snapshots/a").await.summary(), @"200 {}");
    assert_eq!(
        mock.request("POST", "/_mock/snapshots/a/restore")
            .await
            .status,
        404
    );
    mock.control("POST", "/reset", json!({})).await;
    restore(&mock, "b").await;
    assert_eq!(
        mock.control("GET", "/clock", json!({})).await["now"],
        "2026-01-31T12:01:00Z"
    );
}

#[tokio::test]
async fn snapshot_belongs_to_its_sandbox() {
    let mock = TestServer::documented().await;
    let (here, there) = (mock.sandbox("here"), mock.sandbox("there"));
    take(&here, "s").await;
    assert_eq!(
        there
            .request("POST", "/_mock/snapshots/s/restore")
            .await
            .status,
        404
    );
    assert_eq!(
        there.control("GET", "/snapshots", json!({})).await,
        json!({ "snapshots": [] })
    );
    take(&there, "s").await;
    let (ours, theirs) = (
        here.tokens(&CONF, "1").await,
        there.tokens(&CONF, "1").await,
    );
    restore(&here, "s").await;
    assert!(!here.is_active(&ours.access).await && there.is_active(&theirs.access).await);
    // A new sandbox of the same name has no snapshots.
    mock.control("DELETE", "/sandboxes/here", json!({})).await;
    assert_eq!(here.get("/_mock/snapshots/s").await.status, 404);
}

/// Each of them leaves a whole behind: rows and settings of one moment, and in the file what is in memory.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_snapshot_operations_are_consistent() {
    let folder = TempDir::new();
    let path = folder.path("mock.db");
    let start = async || {
        let mut config = config(Contract::Documented);
        config.database = Database::File(path.clone());
        TestServer::start(config).await
    };
    // One sandbox each, so that a start reads what was written last.
    let names: Vec<String> = (0..8).map(|at| format!("x{at}")).collect();
    let ada = async |sandbox: &SandboxClient| {
        let buzz = sandbox.control("GET", "/users/ada", json!({})).await["buzz"]["yellow"].clone();
        let login = sandbox.control("GET", "/settings", json!({})).await["login"].clone();
        (buzz, login)
    };
    let mock = start().await;
    let mut left = Vec::new();
    for name in &names {
        let sandbox = mock.sandbox(name);
        for (yellow, login) in [(1, "ada"), (2, "tess")] {
            sandbox.control("POST", "/reset", json!({})).await;
            sandbox.set(json!({ "login": login })).await;
            let buzz = json!({ "buzz": { "yellow": yellow } });
            sandbox.control("PATCH", "/users/ada", buzz).await;
            take(&sandbox, login).await;
        }
        let ways = [
            ("POST", "/_mock/snapshots/ada/restore"),
            ("POST", "/_mock/snapshots/tess/restore"),
            ("POST", "/_mock/snapshots/tess"),
            ("DELETE", "/_mock/snapshots/tess"),
            ("POST", "/_mock/snapshots/ada"),
            ("POST", "/_mock/snapshots/ada/restore"),
        ];
        let mut runners = JoinSet::new();
        for (method, path) in ways {
            let ask = sandbox.request(method, path);
            runners.spawn(async move { ask.await.status });
        }
        for status in runners.join_all().await {
            assert!([200, 201, 204, 404].contains(&status), "{status}");
        }
        left.push(ada(&sandbox).await);
    }
    let complete = [(json!(1), json!("ada")), (json!(2), json!("tess"))];
    assert!(
        left.iter().all(|found| complete.contains(found)),
        "{left:?}"
    );
    mock.stop().await;
    let mock = start().await;
    for (name, (buzz, _)) in names.iter().zip(&left) {
        assert_eq!(ada(&mock.sandbox(name)).await.0, *buzz, "{name}");
    }
}

#[tokio::test]
async fn restore_takes_milliseconds() {
    let mock = TestServer::documented().await;
    for user in 0..20 {
        mock.control(
            "POST",
            "/users",
            json!({ "username": format!("user-{user}") }),
        )
        .await;
        for app in [CONF, SPA] {
            let new_tokens = json!({ "client_id": app.id, "user": format!("user-{user}") });
            mock.control("POST", "/tokens", new_tokens).await;
        }
    }
    let mut shown = String::new();
    for path in [
        "/_mock/snapshots/full",
        "/_mock/snapshots/full/restore",
        "/_mock/reset",
    ] {
        let mut took = Vec::new();
        for _ in 0..10 {
            let began = Stopwatch::start();
            assert!(mock.request("POST", path).await.status < 300);
            took.push(began.elapsed());
        }
        took.sort();
        shown += &format!("{path}: median {:?}, longest {:?}\n", took[5], took[9]);
        assert!(took[5] < BOUND, "{shown}");
    }
    eprintln!("{shown}");
}
