//! Memory of the journal and of its readers, measured on the program, for any requests and any number of readers.

#![cfg(target_os = "linux")]

use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::{CONF, Program, RawConnection, SandboxClient, Stopwatch, TOKEN, TestServer};

/// The whole program may take this much, in MB, with the default budget of 128 MB.
const MAX_PEAK_MB: u64 = 300;

const FORM: &str = "application/x-www-form-urlencoded";

/// A body of this type counts as JSON, and a page of another site may send it without a preflight.
const SAFELISTED_JSON: &str = "text/plain;application/json";

/// This many requests are under way at once.
const AT_ONCE: usize = 8;

fn program(options: &[&str]) -> (Program, SandboxClient) {
    let seed = concat!(
        "--seed=",
        env!("CARGO_MANIFEST_DIR"),
        "/tests/it/support/seed.toml"
    );
    let options = [&["--listen=127.0.0.1:0", seed], options].concat();
    let program = Program::serve(&mut Program::command(&options));
    let sandbox = SandboxClient::at(program.base());
    (program, sandbox)
}

/// The most memory that it had at any time, in MB.
fn peak_mb(program: &Program) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", program.id()));
    let status = status.expect("it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    let kilobytes: u64 = kilobytes
        .and_then(|number| number.parse().ok())
        .expect("a number");
    kilobytes / 1000
}

fn assert_bounded(program: &Program, max_mb: u64) {
    let peak = peak_mb(program);
    eprintln!("peak {peak} MB");
    assert!(peak < max_mb, "{peak} MB");
}

/// Sends the same request again and again.
async fn flood(sandbox: &SandboxClient, path: &str, kind: &'static str, body: &str, times: usize) {
    let mut calls = JoinSet::new();
    for _ in 0..times {
        if calls.len() == AT_ONCE {
            calls.join_next().await;
        }
        let call = sandbox.request("POST", path).body(kind, body.to_owned());
        calls.spawn(async move { call.await.status });
    }
    calls.join_all().await;
}

/// 2,000 requests of 7 kB each.
async fn fill(sandbox: &SandboxClient) {
    let body = format!(
        "grant_type=refresh_token&client_id=conf&a={}",
        "x".repeat(3500)
    );
    let body = format!("{body}&b={}", "y".repeat(3500));
    flood(sandbox, TOKEN, FORM, &body, 2000).await;
}

/// An array of empty arrays.
fn empty_arrays(many: usize) -> String {
    format!("[{}[]]", "[],".repeat(many - 1))
}

async fn health(sandbox: &SandboxClient) -> Value {
    sandbox.get("/api/health").await.json()
}

#[tokio::test]
async fn large_json_of_many_small_values_is_bounded() {
    let (program, sandbox) = program(&[]);
    let hundred = empty_arrays(100);
    let level = vec![hundred; 100].join(",");
    let deep = vec![format!("[{level}]"); 17].join(",");
    let body = format!(r#"{{"a":[{deep}]}}"#);
    assert!(
        (500_000..512 * 1024).contains(&body.len()),
        "{}",
        body.len()
    );
    flood(&sandbox, "/nowhere", SAFELISTED_JSON, &body, 40).await;
    let listed = sandbox.get("/_mock/requests").await.json();
    assert_eq!(listed["requests"].as_array().map(Vec::len), Some(40));
    assert_eq!(sandbox.get("/_mock/advice").await.status, 200);
    assert_eq!(sandbox.get("/_mock").await.status, 200);
    assert_bounded(&program, MAX_PEAK_MB);
}

#[tokio::test]
async fn small_json_of_many_small_values_is_bounded_when_it_is_read() {
    let (program, sandbox) = program(&[]);
    let body = format!(r#"{{"a":{}}}"#, empty_arrays(2500));
    assert!((7000..8000).contains(&body.len()), "{}", body.len());
    flood(&sandbox, TOKEN, SAFELISTED_JSON, &body, 2000).await;
    let newest = sandbox.get("/_mock/requests?limit=1").await.json();
    assert_eq!(newest["requests"][0]["id"], 2000);
    let all = sandbox.get("/_mock/requests").await.json();
    assert_eq!(all["requests"].as_array().map(Vec::len), Some(2000));
    assert_eq!(all["counters"]["total"], 2000);
    assert_eq!(all["evicted"], 0);
    assert_bounded(&program, MAX_PEAK_MB);
}

#[tokio::test]
async fn all_sandboxes_share_one_budget_and_the_oldest_exchanges_go_first() {
    let (program, sandbox) = program(&["--journal-memory=10MB"]);
    let body = format!("a={}", "x".repeat(8000));
    let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
    for name in names {
        let path = format!("/_sandbox/{name}{TOKEN}");
        flood(&sandbox, &path, FORM, &body, 300).await;
    }
    let used = health(&sandbox).await["journals"].clone();
    assert_eq!(used["limit_bytes"], 10_000_000);
    let bytes = used["used_bytes"].as_u64().expect("a number");
    assert!((5_000_000..=10_000_000).contains(&bytes), "{used}");
    let mut dropped = Vec::new();
    for name in names {
        let path = format!("/_sandbox/{name}/_mock/requests?limit=0");
        let listed = sandbox.get(&path).await.json();
        assert_eq!(listed["counters"]["total"], 300);
        dropped.push(listed["evicted"].as_u64().expect("a number"));
    }
    assert_eq!(dropped[..5], [300; 5], "the oldest ones: {dropped:?}");
    assert_eq!(dropped[8..], [0; 2], "the newest ones: {dropped:?}");
    let page = sandbox.get("/_mock").await.body;
    assert!(page.contains("of 10.0 MB"), "the console shows it");
    assert_bounded(&program, 150);
}

#[tokio::test]
async fn too_small_journal_memory_is_rejected() {
    let refused = Program::output(&["--listen=127.0.0.1:0", "--journal-memory=10kB"]);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    let wanted = "--journal-memory: 10000 bytes are too few for one request; give 1000000 bytes (1MB) or more";
    assert!(message.contains(wanted), "{message}");
    let refused = Program::output(&["--journal-memory=much"]);
    let message = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(message.contains("is not a size"), "{message}");
}

#[tokio::test]
async fn exchanges_share_the_fault_that_applied_to_them() {
    let (program, sandbox) = program(&[]);
    let fault = json!({ "endpoint": "token", "effect": { "body": "x".repeat(500_000) } });
    sandbox.control("POST", "/faults", fault).await;
    flood(
        &sandbox,
        TOKEN,
        FORM,
        &CONF.client_credentials().encoded(),
        1000,
    )
    .await;
    assert_bounded(&program, MAX_PEAK_MB);
    let listed = sandbox.get("/_mock/requests?limit=2").await.json();
    assert_eq!(listed["requests"][1]["faults"], json!([1]));
    assert_eq!(listed["counters"]["total"], 1000);
    // What a page shows of it is cut, and is there after the fault is removed.
    sandbox.control("DELETE", "/faults", json!({})).await;
    let page = sandbox.get("/_mock").await.body;
    assert!(page.contains("bytes more"), "the fault is shown");
}

#[tokio::test]
async fn many_readers_of_a_full_journal_are_bounded() {
    let (program, sandbox) = program(&[]);
    fill(&sandbox).await;
    let mut readers = JoinSet::new();
    for at in 0..100 {
        let path = match at % 10 {
            0 => "/_mock/requests",
            1..4 => "/_mock/requests?endpoint=token&wait=1s&count=1000000&limit=1",
            _ => "/_mock/advice",
        };
        let reader = sandbox.get(path);
        readers.spawn(async move { reader.await.status });
    }
    // Meanwhile others are answered.
    for _ in 0..5 {
        let answer = sandbox.token(&CONF.client_credentials()).await;
        assert_eq!(answer.status, 200, "{answer}");
    }
    let statuses = readers.join_all().await;
    let is_known = |status: &u16| [200, 503].contains(status);
    assert!(statuses.iter().all(is_known), "{statuses:?}");
    assert!(statuses.contains(&200), "{statuses:?}");
    assert_bounded(&program, MAX_PEAK_MB);
}

#[tokio::test]
async fn clients_waiting_for_long_answers_do_not_block_searches() {
    const STREAMS: usize = 8;
    const SEARCHES: usize = 8;
    let (program, sandbox) = program(&[]);
    fill(&sandbox).await;
    let mut slow = Vec::new();
    for at in 0..STREAMS + SEARCHES {
        let mut line = RawConnection::to(program.address()).await;
        line.send("GET /_mock/requests HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .await;
        if at < STREAMS {
            line.read_until("200 OK").await;
        }
        slow.push(line);
    }
    // Sooner or later all of them wait.
    let began = Stopwatch::start();
    for _ in 0..100 {
        assert_eq!(sandbox.get("/_mock/requests?limit=1").await.status, 200);
    }
    assert!(began.elapsed() < Duration::from_secs(8));
}

#[tokio::test]
async fn long_poll_ends_when_enough_requests_arrived() {
    let (_program, sandbox) = program(&[]);
    for _ in 0..3 {
        sandbox.token(&CONF.client_credentials()).await;
    }
    let polls: Vec<_> = (0..5)
        .map(|_| sandbox.get("/_mock/requests?endpoint=token&wait=60s&count=5&limit=1"))
        .collect();
    let began = Stopwatch::start();
    let mut waiting = JoinSet::new();
    for poll in polls {
        waiting.spawn(async move { poll.await.json() });
    }
    for _ in 0..2 {
        sandbox.token(&CONF.client_credentials()).await;
    }
    for listed in waiting.join_all().await {
        assert_eq!(listed["requests"].as_array().map(Vec::len), Some(1));
        assert_eq!(listed["requests"][0]["id"], 5);
    }
    assert!(began.elapsed() < Duration::from_secs(50));
}

#[tokio::test]
async fn at_most_256_requests_wait_for_exchanges() {
    let (_program, sandbox) = program(&[]);
    let mut polls = tokio::task::JoinSet::new();
    for _ in 0..300 {
        let poll = sandbox.get("/_mock/requests?wait=20s&count=1000&limit=0");
        polls.spawn(async move { poll.await.status });
    }
    // Those beyond the bound are refused at once; the others wait until the sandbox is deleted or the server stops.
    for _ in 0..44 {
        assert_eq!(polls.join_next().await.unwrap().unwrap(), 503);
    }
    assert_eq!(polls.len(), 256);
    assert_eq!(sandbox.get("/api/health").await.status, 200);
}

#[tokio::test]
async fn at_most_64_consoles_listen_to_events() {
    let mock = TestServer::documented().await;
    let listen = async || {
        let url = format!("{}/_mock/events", mock.base);
        reqwest::get(url).await.expect("it answers")
    };
    let mut listeners = Vec::new();
    for _ in 0..64 {
        listeners.push(listen().await);
    }
    assert!(listeners.iter().all(|listener| listener.status() == 200));
    let refused = listen().await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(listeners.pop());
    while listen().await.status() != 200 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn clients_that_disconnect_during_a_delay_hold_no_memory() {
    const CLIENTS: usize = 800;
    let (program, sandbox) = program(&[]);
    let slow = json!({ "endpoint": "token", "effect": { "delay": "600s" } });
    sandbox.control("POST", "/faults", slow).await;
    let body = format!("a={}", "x".repeat(500_000));
    let request = format!(
        "POST {TOKEN} HTTP/1.1\r\nHost: mock\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut sent = 0;
    while sent < CLIENTS {
        let mut lines = Vec::new();
        for _ in 0..50 {
            let mut line = RawConnection::to(program.address()).await;
            line.send(&request).await;
            lines.push(line);
        }
        sent += lines.len();
        let began = Stopwatch::start();
        while sandbox.control("GET", "/faults/1", json!({})).await["triggered"] != sent {
            assert!(began.elapsed() < Duration::from_mins(1), "they do not come");
        }
    }
    assert_bounded(&program, MAX_PEAK_MB);
    // Each request was made all the same.
    let listed = sandbox
        .get(&format!("/_mock/requests?wait=60s&limit=1&count={CLIENTS}"))
        .await
        .json();
    assert_eq!(listed["counters"]["total"], CLIENTS);
}
