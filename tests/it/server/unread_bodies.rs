//! Requests by HTTP/1 that are answered before their body is read: a client that sends its whole body first reads the
//! answer all the same, and the connection continues or announces its end.

use crate::support::{RawConnection, TOKEN, TestServer};

const HEALTH: &str = "GET /api/health HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Less than any endpoint reads, and more than the buffers of two sockets.
const BODY_BYTES: usize = 400_000;

/// More than is read of any body.
const LONG_BODY_BYTES: usize = 4_000_000;

async fn call(mock: &TestServer) -> RawConnection {
    RawConnection::to(mock.server().address()).await
}

fn head(first: &str, headers: &str) -> String {
    format!(
        "{first} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{headers}\r\n"
    )
}

fn of_length(bytes: usize) -> String {
    format!("Content-Length: {bytes}\r\n")
}

const CHUNKED: &str = "Transfer-Encoding: chunked\r\n";

fn in_chunks(bytes: usize) -> String {
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1000));
    chunk.repeat(bytes / 1000) + "0\r\n\r\n"
}

/// Requests that are refused by their head, and the status.
fn refusals() -> Vec<(String, &'static str, &'static str)> {
    let from_elsewhere = "Origin: http://evil.test\r\n";
    let refused = [
        ("POST /_mock/users", from_elsewhere, "403"),
        (
            "POST /_mock/users",
            "X-Forwarded-Host: evil.test\r\nSec-Fetch-Site: cross-site\r\n",
            "403",
        ),
        ("POST /mcp", from_elsewhere, "403"),
        ("POST /_mock/nowhere", "", "404"),
        ("PUT /_mock/users", "", "405"),
        ("POST /api/health", "", "405"),
        ("POST /_mock/assets/none.css", "", "405"),
    ];
    let refused = refused.map(|(first, headers, status)| (first.to_owned(), headers, status));
    let long = format!("POST /{}", "x".repeat(40_000));
    refused.into_iter().chain([(long, "", "414")]).collect()
}

#[tokio::test]
async fn rejection_is_readable_after_an_unread_body() {
    let mock = TestServer::documented().await;
    for (first, headers, status) in refusals() {
        let length = of_length(BODY_BYTES);
        for (kind, body) in [
            (&*length, "x".repeat(BODY_BYTES)),
            (CHUNKED, in_chunks(BODY_BYTES)),
        ] {
            let mut line = call(&mock).await;
            line.send(head(&first, &format!("{headers}{kind}"))).await;
            let is_sent = line.send(body).await;
            let answer = line.read_response().await;
            let first = first.get(..40).unwrap_or(&first);
            assert!(is_sent, "{first}: {answer}");
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{first}: {answer}"
            );
            assert!(!answer.contains("connection: close"), "{first}: {answer}");
            // The next request of the connection is answered.
            line.send(HEALTH).await;
            assert!(
                line.read_response().await.starts_with("HTTP/1.1 200 "),
                "{first}"
            );
        }
    }
}

#[tokio::test]
async fn rejection_of_a_long_body_closes_the_connection_after_the_response() {
    let mock = TestServer::documented().await;
    for (first, headers, status) in refusals() {
        let length = of_length(LONG_BODY_BYTES);
        let chunks = in_chunks(LONG_BODY_BYTES);
        for (kind, body) in [(&*length, "x".repeat(LONG_BODY_BYTES)), (CHUNKED, chunks)] {
            let mut line = call(&mock).await;
            line.send(head(&first, &format!("{headers}{kind}"))).await;
            line.send(body).await;
            let answer = line.read_to_close().await;
            let first = first.get(..40).unwrap_or(&first);
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status} ")),
                "{first}: {answer:?}"
            );
            let says_so = answer.contains("\r\nconnection: close\r\n");
            assert_eq!(says_so, kind != CHUNKED, "{first}: {answer}");
        }
    }
}

#[tokio::test]
async fn too_long_body_does_not_lose_the_response() {
    let mock = TestServer::documented().await;
    for (first, status) in [
        (format!("POST {TOKEN}"), "400"),
        ("POST /_mock/users".into(), "413"),
    ] {
        let mut line = call(&mock).await;
        line.send(head(&first, &of_length(LONG_BODY_BYTES))).await;
        line.send("x".repeat(LONG_BODY_BYTES)).await;
        let answer = line.read_to_close().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{first}: {answer:?}"
        );
        assert!(
            answer.contains("\r\nconnection: close\r\n"),
            "{first}: {answer}"
        );
    }
}

#[tokio::test]
async fn expect_continue_is_rejected_before_the_body() {
    let mock = TestServer::documented().await;
    let headers = format!("Expect: 100-continue\r\n{}", of_length(BODY_BYTES));
    for (first, more, status) in refusals() {
        let mut line = call(&mock).await;
        line.send(head(&first, &format!("{more}{headers}"))).await;
        let answer = line.read_to_close().await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        assert!(answer.contains("\r\nconnection: close\r\n"), "{answer}");
    }
    let mut line = call(&mock).await;
    line.send(head("POST /_mock/users", &headers)).await;
    assert_eq!(line.read_response().await, "HTTP/1.1 100 Continue\r\n\r\n");
    line.send("x".repeat(BODY_BYTES)).await;
    let answer = line.read_response().await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(!answer.contains("connection: close"), "{answer}");
}
