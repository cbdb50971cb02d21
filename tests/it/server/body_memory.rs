//! The shared memory limit of incomplete request bodies, from which small bodies are exempt.

use std::net::SocketAddr;
use std::time::Duration;

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::support::{CONF, Stopwatch, TOKEN, TestServer, config};

const FORM: &str = "application/x-www-form-urlencoded";

/// Sends a body but for its last byte and holds the connection, again if it is refused.
async fn send_half(address: SocketAddr) {
    const BYTES: usize = 512 * 1024;
    let head = format!(
        "POST {TOKEN} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\nContent-Length: {BYTES}\r\n\r\n"
    );
    let request = [head.into_bytes(), vec![b'x'; BYTES - 1]].concat();
    loop {
        let mut stream = TcpStream::connect(address).await.expect("it listens");
        let _ = stream.write_all(&request).await;
        // Returns only if the body is refused.
        let _ = stream.read(&mut [0]).await;
    }
}

#[tokio::test]
async fn incoming_bodies_share_64_mib() {
    let mut config = config(Contract::Documented);
    config.body_timeout = Duration::from_mins(10);
    let mock = TestServer::start(config).await;
    let mut halves = JoinSet::new();
    for _ in 0..160 {
        halves.spawn(send_half(mock.server().address()));
    }
    let begun = Stopwatch::start();
    let refused = loop {
        assert!(begun.elapsed() < Duration::from_mins(2), "never full");
        // More than the refused halves have left free.
        let answer = mock
            .request("POST", TOKEN)
            .body(FORM, "x".repeat(500_000))
            .await;
        if answer.status == 503 {
            break answer;
        }
    };
    assert_snapshot!(refused.summary(), @"503 busy: the bodies of other requests used 67108864 bytes of memory for 5s");
    assert_eq!(refused.header("retry-after").as_deref(), Some("1"));
    let small = mock.token(&CONF.refresh_params("x")).await;
    assert_eq!(small.status, 400, "{small}");
    halves.shutdown().await;
    let answer = mock
        .request("POST", TOKEN)
        .body(FORM, "x".repeat(100_000))
        .await;
    assert_eq!(answer.status, 400, "memory is free again");
}
