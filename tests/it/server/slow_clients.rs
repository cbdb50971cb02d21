//! Clients that are slow, silent, too many, or send too much: they are answered or disconnected, and delay no other.

use std::time::Duration;

use civitai_oauth_mock::{Config, Contract};
use serde_json::{Value, json};

use crate::support::{
    CONF, Program, RawConnection, SandboxClient, Stopwatch, TOKEN, TestServer, config, statuses,
};

/// Long enough to be answered on a machine that is busy, short enough to be waited for.
const SHORT: Duration = Duration::from_millis(400);

/// A dribble of fifty bytes takes longer than is allowed.
const PAUSE: Duration = Duration::from_millis(20);

const FORM: &str = "application/x-www-form-urlencoded";

/// What begins every connection of HTTP/2.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const HEALTH: &str = "GET /api/health HTTP/1.1\r\nHost: mock\r\n\r\n";

async fn impatient(change: impl FnOnce(&mut Config)) -> TestServer {
    let mut config = config(Contract::Documented);
    change(&mut config);
    TestServer::start(config).await
}

async fn call(mock: &TestServer) -> RawConnection {
    RawConnection::to(mock.server().address()).await
}

async fn is_well(mock: &TestServer) {
    let tokens = mock.tokens(&CONF, "1").await;
    assert!(mock.is_active(&tokens.access).await);
}

#[tokio::test]
async fn silent_connection_is_closed_without_response() {
    let mock = impatient(|config| config.head_timeout = SHORT).await;
    let mut line = call(&mock).await;
    let began = Stopwatch::start();
    assert_eq!(line.read_to_close().await, "");
    assert!(began.elapsed() >= SHORT / 2, "{:?}", began.elapsed());
    is_well(&mock).await;
}

#[tokio::test]
async fn trickling_head_gets_408() {
    let mock = impatient(|config| config.head_timeout = SHORT).await;
    for head in [
        format!(
            "GET /api/health HTTP/1.1\r\nHost: mock\r\nX-Slow: {:50}",
            ""
        ),
        format!("{:50}", "P"),
    ] {
        let mut line = call(&mock).await;
        line.send_slowly(&head, PAUSE).await;
        let received = line.read_to_close().await;
        assert_eq!(statuses(&received).len(), 1, "{head}: {received}");
        assert!(
            ["408", "400"].contains(&statuses(&received)[0]),
            "{received}"
        );
    }
    is_well(&mock).await;
}

#[tokio::test]
async fn incomplete_http2_preface_is_closed() {
    let mock = impatient(|config| config.head_timeout = SHORT).await;
    for part in [&PREFACE[..1], &PREFACE[..23], PREFACE] {
        let mut line = call(&mock).await;
        line.send(part).await;
        line.read_to_close().await;
    }
    is_well(&mock).await;
}

#[tokio::test]
async fn idle_connection_is_closed_without_response() {
    let mock = impatient(|config| config.head_timeout = SHORT).await;
    let mut line = call(&mock).await;
    for _ in 0..2 {
        line.send(HEALTH).await;
        assert!(
            line.read_response()
                .await
                .starts_with("HTTP/1.1 200 OK\r\n")
        );
    }
    assert_eq!(line.read_to_close().await, "");
}

#[tokio::test]
async fn empty_lines_do_not_extend_an_idle_connection() {
    let mock = impatient(|config| config.head_timeout = SHORT).await;
    let mut line = call(&mock).await;
    line.send(HEALTH).await;
    line.read_response().await;
    let lines = "\r\n".repeat(500);
    let all = PAUSE * u32::try_from(lines.len()).expect("a few bytes");
    let began = Stopwatch::start();
    line.send_slowly(lines, PAUSE).await;
    line.read_to_close().await;
    assert!(began.elapsed() < all / 2, "{:?}", began.elapsed());
    is_well(&mock).await;
}

#[tokio::test]
async fn trickling_body_counts_as_empty() {
    let mock = impatient(|config| config.body_timeout = SHORT).await;
    let mut line = call(&mock).await;
    let head = format!(
        "POST {TOKEN} HTTP/1.1\r\nHost: mock\r\nContent-Type: {FORM}\r\nContent-Length: 60\r\n\r\n"
    );
    line.send(head).await;
    line.send_slowly("a".repeat(60), PAUSE).await;
    let received = line.read_to_close().await;
    assert_eq!(statuses(&received), ["400"], "{received}");
    assert!(
        received.contains("Missing parameter: `client_id`"),
        "{received}"
    );
    is_well(&mock).await;
}

#[tokio::test]
async fn slow_control_call_gets_408() {
    let mock = impatient(|config| config.body_timeout = SHORT).await;
    let mut line = call(&mock).await;
    line.send("POST /_mock/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60\r\n\r\n")
        .await;
    line.send_slowly("{".repeat(60), PAUSE).await;
    let received = line.read_to_close().await;
    assert_eq!(statuses(&received), ["408"], "{received}");
    assert!(received.contains("--body-timeout"), "{received}");
}

#[tokio::test]
async fn aborted_control_call_is_not_reported_as_too_long() {
    let mock = TestServer::documented().await;
    let mut line = call(&mock).await;
    line.send("POST /_mock/users HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"use\r\nzz\r\n")
        .await;
    let received = line.read_to_close().await;
    assert_eq!(statuses(&received), ["400"], "{received}");
    assert!(received.contains("incomplete"), "{received}");
}

#[tokio::test]
async fn client_that_does_not_read_is_disconnected() {
    let mock = impatient(|config| {
        config.body_timeout = SHORT;
        config.max_connections = 1;
    })
    .await;
    let mut deaf = call(&mock).await;
    // More answers than fit between the two.
    let ask = "GET /_mock/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n";
    deaf.send(ask.repeat(100)).await;
    let began = Stopwatch::start();
    loop {
        let mut other = call(&mock).await;
        other
            .send(HEALTH.replace("Host", "Connection: close\r\nHost"))
            .await;
        let received = other.read_to_close().await;
        if received.starts_with("HTTP/1.1 200 OK\r\n") {
            break;
        }
        assert!(
            received.is_empty() || statuses(&received) == ["503"],
            "{received}"
        );
        assert!(began.elapsed() < SHORT * 50, "it keeps its place");
    }
    assert!(began.elapsed() >= SHORT / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn two_hundred_slow_clients_delay_no_other() {
    let mock = TestServer::documented().await;
    let mut dawdlers = tokio::task::JoinSet::new();
    for at in 0..200 {
        let mut line = call(&mock).await;
        dawdlers.spawn(async move {
            let head = format!("POST {TOKEN} HTTP/1.1\r\nHost: mock\r\n");
            if at % 2 == 0 {
                line.send_slowly(head, PAUSE).await;
            } else {
                line.send(format!("{head}Content-Length: 1000\r\n\r\n"))
                    .await;
                line.send_slowly("a".repeat(999), PAUSE).await;
            }
            line
        });
    }
    for _ in 0..5 {
        is_well(&mock).await;
    }
    dawdlers.shutdown().await;
    is_well(&mock).await;
}

#[tokio::test]
async fn rejected_connection_names_the_limit() {
    let mock = impatient(|config| config.max_connections = 2).await;
    let mut seated = Vec::new();
    for _ in 0..2 {
        let mut line = call(&mock).await;
        line.send(HEALTH).await;
        line.read_response().await;
        seated.push(line);
    }
    let mut third = call(&mock).await;
    third.send(HEALTH).await;
    let received = third.read_to_close().await;
    let (head, body) = received.split_once("\r\n\r\n").expect("an answer");
    assert!(head.starts_with("HTTP/1.1 503 "), "{head}");
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!(body["error"], "too_many_connections");
    assert_eq!(body["hint"], "close some, or raise --max-connections");

    // Who has a place keeps it, and one that leaves makes room.
    seated[0].send(HEALTH).await;
    assert!(seated[0].read_response().await.starts_with("HTTP/1.1 200 "));
    drop(seated.pop());
    loop {
        let mut line = call(&mock).await;
        line.send(HEALTH).await;
        if line.read_response().await.starts_with("HTTP/1.1 200 ") {
            break;
        }
    }
}

#[tokio::test]
async fn the_size_limit_of_a_head_can_be_set() {
    let mock = impatient(|config| {
        config.max_head_bytes = 8192;
        config.max_headers = 10;
    })
    .await;
    let ask = |headers: String| {
        format!("GET /api/health HTTP/1.1\r\nHost: mock\r\nConnection: close\r\n{headers}\r\n")
    };
    for (headers, status) in [
        ("X: y\r\n".repeat(8), "200"),
        ("X: y\r\n".repeat(9), "431"),
        (format!("X: {}\r\n", "y".repeat(7000)), "200"),
        (format!("X: {}\r\n", "y".repeat(20_000)), "431"),
    ] {
        let mut line = call(&mock).await;
        line.send(ask(headers)).await;
        let received = line.read_to_close().await;
        assert_eq!(statuses(&received), [status], "{received}");
    }
}

#[tokio::test]
async fn too_small_limit_is_rejected_at_start() {
    let mut refusals = Vec::new();
    let changes: [fn(&mut Config); 4] = [
        |config| config.max_connections = 0,
        |config| config.max_head_bytes = 100,
        |config| config.max_headers = 0,
        |config| config.body_timeout = Duration::ZERO,
    ];
    for change in changes {
        let mut config = config(Contract::Documented);
        change(&mut config);
        let refused = civitai_oauth_mock::Server::start(config).await;
        refusals.push(refused.expect_err("it is refused").to_string());
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    max_connections: 0 would reject every request; give 1 or more
    max_head_bytes: 100 bytes are too few for a request; give 8192 or more
    max_headers: 0 would reject every request; give 1 or more
    body_timeout: 0s is not a valid timeout; give a length such as 30s
    "#);
}

/// The minimum number of connections that wait at once.
const CROWD: u64 = 5000;

/// For whatever else runs in this process.
const OTHER_FILES: u64 = 2000;

#[tokio::test]
async fn maximum_of_idle_connections_delays_no_other() {
    let files = rlimit::increase_nofile_limit(u64::MAX).expect("a process may know its limits");
    // Beyond this, one address has no port left to call from.
    let crowd = files.saturating_sub(OTHER_FILES).min(20_000);
    if crowd < CROWD {
        let error =
            format!("{files} file descriptors are too few for {CROWD} connections: ulimit -Hn");
        assert!(std::env::var("CI").as_deref() != Ok("true"), "{error}");
        eprintln!("NOT RUN: {error}");
        return;
    }
    let most = (crowd + 100).to_string();
    let options = [
        "--listen",
        "127.0.0.1:0",
        "--head-timeout",
        "10m",
        "--max-connections",
        &most,
    ];
    let program = Program::serve(&mut Program::command(&options));
    let (address, mock) = (program.address(), SandboxClient::at(program.base()));
    let mut idle = Vec::new();
    let mut slowest = Duration::ZERO;
    while (idle.len() as u64) < crowd {
        let mut calls = tokio::task::JoinSet::new();
        for _ in 0..500 {
            calls.spawn(async move {
                let mut line = RawConnection::to(address).await;
                line.send(HEALTH).await;
                assert!(line.read_response().await.starts_with("HTTP/1.1 200 "));
                line
            });
        }
        idle.extend(calls.join_all().await);
        let began = Stopwatch::start();
        assert_eq!(mock.get("/api/health").await.status, 200);
        slowest = slowest.max(began.elapsed());
    }
    eprintln!(
        "{} idle connections; the slowest answer meanwhile took {slowest:?}",
        idle.len()
    );
    // No connection was closed in the meantime.
    for line in idle.iter_mut().step_by(100) {
        line.send(HEALTH).await;
        assert!(line.read_response().await.starts_with("HTTP/1.1 200 "));
    }
    assert_eq!(
        program.terminate(),
        Some(0),
        "it stops, though they are there"
    );
}

#[tokio::test]
async fn disconnect_during_a_delay_frees_its_connection_slot() {
    let mock = impatient(|config| config.max_connections = 3).await;
    let slow = json!({ "endpoint": "token", "effect": { "delay": "600s" } });
    mock.control("POST", "/faults", slow).await;
    let body = CONF.client_credentials().encoded();
    for _ in 0..6 {
        let mut line = call(&mock).await;
        line.send(format!(
            "POST {TOKEN} HTTP/1.1\r\nHost: mock\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await;
    }
    let began = Stopwatch::start();
    while mock
        .request("DELETE", "/_mock/faults")
        .attempt()
        .await
        .is_none_or(|answer| answer.status != 200)
    {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "no connection is accepted"
        );
    }
}

#[tokio::test]
async fn slow_request_head_gets_408() {
    let mut config = config(Contract::Documented);
    config.head_timeout = std::time::Duration::from_millis(100);
    let mock = TestServer::start(config).await;
    let answer = mock.raw(b"GET /api/health HTTP/1.1\r\nHost: loc").await;
    assert!(
        answer.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{answer}"
    );
}
