//! `/_mock/sandboxes`: creation, list, deletion, idle sandboxes, many sandboxes. Isolation is in
//! `sandbox_isolation.rs`.

use std::time::Duration;

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{App, CONF, SandboxClient, Stopwatch, TestServer, config};

fn names(shown: &Value) -> Vec<String> {
    let list = shown["sandboxes"].as_array().cloned().unwrap_or_default();
    list.iter()
        .filter_map(|one| one["name"].as_str().map(str::to_owned))
        .collect()
}

async fn listed(mock: &SandboxClient) -> Vec<String> {
    names(&mock.control("GET", "/sandboxes", json!({})).await)
}

/// The view of a sandbox without the seconds since its last request, which must be few.
fn recently_used(view: &str) -> String {
    const KEY: &str = "\"idle_seconds\":";
    let Some((before, after)) = view.split_once(KEY) else {
        return view.to_owned();
    };
    let end = after
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(after.len());
    let (seconds, rest) = after.split_at(end);
    assert!(
        seconds.parse::<u64>().is_ok_and(|seconds| seconds < 60),
        "{view}"
    );
    format!("{before}{KEY}<few>{rest}")
}

#[tokio::test]
async fn a_sandbox_has_a_seed_and_settings_of_its_own() {
    let mock = TestServer::documented().await;
    let made = mock.request("POST", "/_mock/sandboxes").json(&json!({
        "name": "own",
        "seed": {
            "users": [{ "id": 5, "username": "mia" }],
            "clients": [{ "id": "mine", "name": "Mine", "secret": "s3", "redirect_uris": ["https://mine.example/cb"] }],
        },
        "settings": { "contract": "live", "login": "mia", "consent": "approve" },
    }));
    assert_snapshot!(made.await, @r#"
    201
    content-type: application/json

    {"name":"own","path":"/_sandbox/own","settings":{"contract":"live","differences":{},"rate_limits":false,"login":"mia","consent":"approve","access_token_seconds":3600,"refresh_token_seconds":2592000,"code_seconds":null,"unknown_clients":"refuse","workflow_cost":10,"workflow_seconds":0,"reason_headers":true}}
    "#);
    let own = mock.sandbox("own");
    let mine = App {
        id: "mine",
        secret: Some("s3"),
        redirect_uri: "https://mine.example/cb",
    };
    let path = format!(
        "{}?{}",
        crate::support::AUTHORIZE,
        mine.authorize_params("1").encoded()
    );
    let code = own.get(&path).await.code();
    assert_eq!(
        own.token(&mine.redeem_params(&code)).await.json()["scope"],
        json!(["1"]),
        "live"
    );
    assert_eq!(own.get("/_mock/users/ada").await.status, 404);
    // A reset goes back to what it was made with.
    own.set(json!({ "contract": "documented" })).await;
    own.control("DELETE", "/clients/mine", json!({})).await;
    own.control("POST", "/reset", json!({})).await;
    assert_eq!(own.get("/_mock/clients/mine").await.status, 200);
    assert_eq!(
        own.control("GET", "/settings", json!({})).await["contract"],
        "live"
    );
    assert_eq!(
        mock.control("GET", "/settings", json!({})).await["contract"],
        "documented"
    );
}

#[tokio::test]
async fn sandboxes_are_listed_read_and_deleted() {
    let mock = TestServer::documented().await;
    assert_eq!(listed(&mock).await, ["default"]);
    mock.sandbox("first-use").get("/login").await;
    let unnamed = mock.control("POST", "/sandboxes", json!({})).await;
    let unnamed = unnamed["name"].as_str().unwrap().to_owned();
    assert_eq!(unnamed.len(), 36);
    assert_eq!(
        mock.sandbox(&unnamed)
            .token(&CONF.client_credentials())
            .await
            .status,
        200
    );
    assert_eq!(listed(&mock).await.len(), 3);
    let first = mock.get("/_mock/sandboxes/first-use").await;
    assert_snapshot!(recently_used(&first.to_string()), @r#"
    200
    content-type: application/json

    {"name":"first-use","path":"/_sandbox/first-use","idle_seconds":<few>}
    "#);
    assert_snapshot!(mock.request("DELETE", "/_mock/sandboxes/first-use").await, @"
    200
    content-type: application/json

    {}
    ");
    let mut table = String::new();
    for (method, name) in [
        ("GET", "first-use"),
        ("DELETE", "first-use"),
        ("DELETE", "default"),
        ("GET", "default"),
    ] {
        let answer = mock
            .request(method, &format!("/_mock/sandboxes/{name}"))
            .await;
        table += &format!("{method} {name}: {}\n", recently_used(&answer.summary()));
    }
    assert_snapshot!(table, @r#"
    GET first-use: 404 not_found: no sandbox "first-use"
    DELETE first-use: 404 not_found: no sandbox "first-use"
    DELETE default: 400 invalid: the default sandbox cannot be deleted
    GET default: 200 {"name":"default","path":"/","idle_seconds":<few>}
    "#);
}

#[tokio::test]
async fn deleted_sandbox_starts_with_initial_data() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    let tokens = sandbox.tokens(&CONF, "1").await;
    sandbox.advance(60).await;
    sandbox.set(json!({ "contract": "live" })).await;
    mock.control("DELETE", "/sandboxes/x", json!({})).await;
    assert!(!sandbox.is_active(&tokens.access).await);
    assert_eq!(
        sandbox.control("GET", "/clock", json!({})).await["state"]["running"]["ahead_ms"],
        0
    );
    assert_eq!(
        sandbox.control("GET", "/settings", json!({})).await["contract"],
        "documented"
    );
}

#[tokio::test]
async fn invalid_sandbox_is_rejected_with_its_reason() {
    let mock = TestServer::documented().await;
    mock.sandbox("taken").get("/login").await;
    let mut table = String::new();
    for input in [
        json!({ "name": "taken" }),
        json!({ "name": "default" }),
        json!({ "name": "a b" }),
        json!({ "name": "" }),
        json!({ "nam": "x" }),
        json!({ "name": "y", "settings": { "contract": "lively" } }),
        json!({ "name": "y", "settings": { "login": "adda" } }),
        json!({ "name": "y", "seed": { "users": [{ "id": 1, "username": "mia" }], "clients": [] }, "settings": { "login": "ada" } }),
        json!({ "name": "y", "seed": { "users": [{ "id": 1 }, { "id": 1 }] } }),
        json!({ "name": "y", "seed": { "clients": [{ "id": "c", "name": "C", "redirect_uris": ["x"] }] } }),
        json!({ "name": "y", "seed": { "people": [] } }),
        json!([]),
    ] {
        let answer = mock.request("POST", "/_mock/sandboxes").json(&input).await;
        let error = answer.json();
        table += &format!(
            "{input}\n  {} {}: {} ({})\n",
            answer.status, error["path"], error["message"], error["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    {"name":"taken"}
      409 "name": "sandbox \"taken\" already exists" ("DELETE it first, or use another name")
    {"name":"default"}
      409 "name": "sandbox \"default\" already exists" ("DELETE it first, or use another name")
    {"name":"a b"}
      400 "name": "\"a b\" is not a valid name: it contains ' '" ("use at most 64 letters, digits, - _ .")
    {"name":""}
      400 "name": "\"\" is not a valid name: it is empty" ("use at most 64 letters, digits, - _ .")
    {"nam":"x"}
      400 "nam": "unknown key \"nam\"" ("did you mean \"name\"?")
    {"name":"y","settings":{"contract":"lively"}}
      400 "settings.contract": "unknown value \"lively\"" ("did you mean \"live\"?")
    {"name":"y","settings":{"login":"adda"}}
      400 "settings.login": "no user \"adda\" in the seed" ("use a user of the sandbox's seed, or null")
    {"name":"y","seed":{"users":[{"id":1,"username":"mia"}],"clients":[]},"settings":{"login":"ada"}}
      400 "settings.login": "no user \"ada\" in the seed" ("use a user of the sandbox's seed, or null")
    {"name":"y","seed":{"users":[{"id":1},{"id":1}]}}
      400 "seed.users[1].id": "an earlier user has the id 1" (null)
    {"name":"y","seed":{"clients":[{"id":"c","name":"C","redirect_uris":["x"]}]}}
      400 "seed.clients[0].redirect_uris[0]": "not a URL: \"x\" (relative URL without a base)" (null)
    {"name":"y","seed":{"people":[]}}
      400 "seed.people": "unknown key \"people\"" ("choose among users, clients, scopes")
    []
      400 "": "a list is not an object" (null)
    "#);
    assert_eq!(listed(&mock).await, ["default", "taken"]);
}

#[tokio::test]
async fn idle_sandboxes_are_evicted_except_the_default() {
    let mut config = config(Contract::Documented);
    config.sandbox_idle = Duration::from_millis(500);
    let mock = TestServer::start(config).await;
    let sandbox = mock.sandbox("idle");
    let tokens = sandbox.tokens(&CONF, "1").await;
    let began = Stopwatch::start();
    // Idleness is of the system's own time: nothing can move it. Asking for the list is no use of the sandbox.
    while listed(&mock).await != ["default"] {
        assert!(began.elapsed() < Duration::from_secs(20), "it stays");
    }
    assert!(
        !sandbox.is_active(&tokens.access).await,
        "what comes after it is new"
    );
}

#[tokio::test]
async fn request_in_progress_keeps_its_sandbox_in_use() {
    let mut config = config(Contract::Documented);
    config.sandbox_idle = Duration::from_millis(500);
    let mock = TestServer::start(config).await;
    let sandbox = mock.sandbox("busy");
    let slow = json!({ "endpoint": "token", "effect": { "delay": "1500ms" } });
    sandbox.control("POST", "/faults", slow).await;
    let wait = sandbox.get("/_mock/requests?endpoint=userinfo&wait=1500ms");
    let itself = CONF.client_credentials();
    let (issued, waited) = tokio::join!(sandbox.token(&itself), async { wait.await });
    assert_eq!((issued.status, waited.status), (200, 200));
    let shown = sandbox.control("GET", "/requests", json!({})).await;
    assert_eq!(
        shown["counters"]["total"], 1,
        "what was answered is in the same sandbox"
    );
}

#[tokio::test]
async fn long_poll_ends_when_its_sandbox_is_deleted() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    let began = Stopwatch::start();
    let wait = sandbox.get("/_mock/requests?endpoint=token&wait=60s");
    let delete = async {
        while listed(&mock).await.len() < 2 {}
        mock.control("DELETE", "/sandboxes/x", json!({})).await;
    };
    let (waited, ()) = tokio::join!(async { wait.await }, delete);
    assert_eq!(waited.status, 200, "{waited}");
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_seed_may_be_the_text_of_a_seed_file() {
    let mock = TestServer::documented().await;
    let toml = "[[users]]\nid = 5\nusername = \"mia\"\n";
    let made = json!({ "name": "own", "seed": toml });
    mock.control("POST", "/sandboxes", made).await;
    let sandbox = mock.sandbox("own");
    assert_eq!(sandbox.get("/_mock/users/mia").await.status, 200);
    assert_eq!(sandbox.get("/_mock/users/ada").await.status, 404);
    let mut table = String::new();
    for seed in [
        json!("[[users]]\nid = 5\nusernam = \"mia\"\n"),
        json!("[[users]"),
        json!("[[users]]\nid = 5\nusername = \"mia\"\n[[users]]\nid = 5\nusername = \"mo\"\n"),
        json!(5),
        json!({ "users": [{ "id": 5, "usernam": "mia" }] }),
    ] {
        let ask = mock.request("POST", "/_mock/sandboxes");
        let answer = ask.json(&json!({ "name": "other", "seed": seed })).await;
        let error = answer.json();
        table += &format!(
            "{} {}: {} ({})\n",
            answer.status, error["path"], error["message"], error["hint"]
        );
    }
    assert_snapshot!(table, @r#"
    400 "seed": "line 3: users[0].usernam: unknown key \"usernam\"" ("did you mean \"username\"?")
    400 "seed": "line 1: unclosed array table, expected `]`" (null)
    400 "seed": "line 5: users[1].id: an earlier user has the id 5" (null)
    400 "seed": "5 is not an object of users and clients, or TOML text in the seed format" (null)
    400 "seed.users[0].usernam": "unknown key \"usernam\"" ("did you mean \"username\"?")
    "#);
}

#[tokio::test]
async fn a_moved_clock_makes_no_sandbox_idle() {
    let mock = TestServer::documented().await;
    let sandbox = mock.sandbox("x");
    sandbox.advance(100_000).await;
    let shown = mock.control("GET", "/sandboxes/x", json!({})).await;
    assert!(shown["idle_seconds"].as_u64() < Some(60), "{shown}");
}

#[tokio::test]
async fn a_thousand_sandboxes_are_small() {
    let mock = TestServer::documented().await;
    mock.sandbox("warm").tokens(&CONF, "1").await;
    let (before, began) = (resident_kib(), Stopwatch::start());
    for at in 0..1000 {
        let sandbox = mock.sandbox(&format!("box-{at}"));
        assert_eq!(sandbox.token(&CONF.client_credentials()).await.status, 200);
    }
    let grown = resident_kib().saturating_sub(before) / 1024;
    eprintln!(
        "1,000 sandboxes: {grown} MiB more, made in {:?}",
        began.elapsed()
    );
    assert_eq!(listed(&mock).await.len(), 1002);
    // Other tests run in this process too.
    assert!(grown < 300, "{grown} MiB");
}

/// The memory of this process, if the system reports it.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or_default()
}

#[tokio::test]
async fn entropy_seed_makes_two_servers_generate_the_same_values() {
    let run = async |seed: u64| {
        let mut config = config(Contract::Documented);
        config.entropy_seed = Some(seed);
        let mock = TestServer::start(config).await;
        mock.control(
            "POST",
            "/clock/freeze",
            json!({ "at": "2026-01-31T12:00:00Z" }),
        )
        .await;
        let mut drawn = String::new();
        for (path, input) in [
            ("/clients", json!({ "name": "Nameless" })),
            ("/sandboxes", json!({})),
            ("/codes", json!({ "client_id": "conf", "user": "ada" })),
            ("/tokens", json!({ "client_id": "conf", "user": "ada" })),
            ("/sessions", json!({ "user": "ada" })),
            ("/clients/conf/rotate-secret", json!({})),
        ] {
            drawn += &mock.control("POST", path, input).await.to_string();
        }
        drawn
    };
    let first = run(7).await;
    assert_eq!(run(7).await, first);
    assert_ne!(run(8).await, first);
}
