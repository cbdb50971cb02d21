//! Advice on a full journal takes a bounded time.

use civitai_oauth_mock::Contract;
use serde_json::json;

use crate::support::{AUTHORIZE, CONF, SignIn, Stopwatch, TOKEN, TestServer, USERINFO, config};

/// Advice over 10,000 requests, the default capacity of a journal.
#[expect(clippy::print_stdout, reason = "a measurement, shown with --nocapture")]
#[tokio::test(flavor = "multi_thread")]
async fn a_full_journal_is_read_in_bounded_time() {
    const EXCHANGES: usize = 10_000;
    const PIPELINED: usize = 200;
    let mut config = config(Contract::Documented);
    config.journal_capacity = EXCHANGES;
    let mock = TestServer::start(config).await;
    let tokens = mock.signs_in(&CONF, "1").await;
    let head = |method, path: &str| format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
    let authorize = format!(
        "{AUTHORIZE}?{}",
        SignIn::new(&CONF).authorize_params("1").encoded()
    );
    let form = CONF.refresh_params(&tokens.refresh).encoded();
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let some = [
        head("GET", &authorize) + "\r\n",
        format!(
            "{}{kind}\r\nContent-Length: {}\r\n\r\n{form}",
            head("POST", TOKEN),
            form.len()
        ),
        format!(
            "{}Authorization: Bearer {}\r\n\r\n",
            head("GET", USERINFO),
            tokens.access
        ),
        head("GET", "/nowhere") + "\r\n",
    ];
    // Pipelined on one connection.
    let some =
        some.concat().repeat(PIPELINED / 4) + &head("GET", "/") + "Connection: close\r\n\r\n";
    for _ in 0..EXCHANGES / PIPELINED {
        mock.raw(some.as_bytes()).await;
    }
    let stored = mock.control("GET", "/requests", json!({})).await;
    assert_eq!(stored["requests"].as_array().map(Vec::len), Some(EXCHANGES));
    let began = Stopwatch::start();
    let findings = mock.findings().await;
    let took = began.elapsed();
    println!("advice over {EXCHANGES} requests: {took:?}");
    assert!(!findings.is_empty());
    assert!(findings.iter().all(|one| {
        one["requests"]
            .as_array()
            .is_some_and(|ids| ids.len() <= 20)
    }));
    // A debug build takes less than 1 s; the limit leaves room for a busy machine.
    assert!(took.as_secs() < 10, "{took:?}");
}
