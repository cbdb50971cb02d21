//! HTTP versions, targets, pipelining and chunks: every request gets a response or a clean close. Smuggling is in
//! `request_smuggling.rs`.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use civitai_oauth_mock::Contract;
use hyper::client::conn::http2;
use hyper::{Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use insta::assert_snapshot;
use tokio::net::TcpStream;

use crate::support::{CONF, RawConnection, TOKEN, TestServer, config, statuses};

const FORM: &str = "application/x-www-form-urlencoded";

/// Idle connections are closed soon, so that all responses can be read.
async fn mock() -> TestServer {
    let mut config = config(Contract::Documented);
    config.head_timeout = Duration::from_millis(500);
    config.body_timeout = Duration::from_millis(500);
    TestServer::start(config).await
}

/// The responses until the connection is closed.
async fn answers(mock: &TestServer, input: impl AsRef<[u8]>) -> String {
    let mut line = RawConnection::to(mock.server().address()).await;
    line.send(input).await;
    line.read_to_close().await
}

/// The statuses of the responses to each input, as a table. The server is healthy after each.
pub(crate) async fn table<S: AsRef<[u8]>>(
    cases: impl IntoIterator<Item = (&'static str, S)>,
) -> String {
    let mock = mock().await;
    let mut table = String::new();
    for (name, input) in cases {
        let received = answers(&mock, input).await;
        table += &format!("{name}: {}\n", statuses(&received).join(" "));
        assert_eq!(mock.get("/api/health").await.status, 200, "after {name}");
    }
    table
}

/// A request for tokens that is answered 200, with these further header lines and this body on the wire.
pub(crate) fn token_request(headers: &str, body: &str) -> String {
    format!("POST {TOKEN} HTTP/1.1\r\nHost: mock\r\nContent-Type: {FORM}\r\n{headers}\r\n{body}")
}

/// A request that would be answered if it stood where one may.
pub(crate) const SMUGGLED: &str = "GET /api/health HTTP/1.1\r\nHost: mock\r\n\r\n";

pub(crate) fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

#[tokio::test]
async fn too_long_head_gets_431() {
    let head = |headers: &str| format!("GET /api/health HTTP/1.1\r\nHost: mock\r\n{headers}\r\n");
    let value = |length: usize| format!("X-Long: {}\r\n", "x".repeat(length));
    let many = |count: usize| "X-Many: x\r\n".repeat(count);
    let target =
        |length: usize| format!("GET /{} HTTP/1.1\r\nHost: mock\r\n\r\n", "x".repeat(length));
    let cases = [
        ("a value of 120 kB", head(&value(120_000))),
        ("a value of 200 kB", head(&value(200_000))),
        ("99 headers", head(&many(98))),
        ("200 headers", head(&many(199))),
        ("a path of 30 kB", target(30_000)),
        ("a path of 60 kB", target(60_000)),
        ("a path of 70 kB", target(70_000)),
        ("a path of 2 MB", target(2_000_000)),
        ("a head of 10 MB without an end", "x".repeat(10_000_000)),
    ];
    assert_snapshot!(table(cases).await, @r#"
    a value of 120 kB: 200
    a value of 200 kB: 431
    99 headers: 200
    200 headers: 431
    a path of 30 kB: 404
    a path of 60 kB: 414
    a path of 70 kB: 414
    a path of 2 MB: 431
    a head of 10 MB without an end: 431
    "#);
}

#[tokio::test]
async fn every_version_of_http_is_answered() {
    let request =
        |version: &str, headers: &str| format!("GET /api/health{version}\r\n{headers}\r\n");
    let upgrade = "Host: mock\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n";
    let cases = [
        ("HTTP/1.0", request(" HTTP/1.0", "")),
        (
            "HTTP/1.0 twice, kept alive",
            request(" HTTP/1.0", "Connection: keep-alive\r\n").repeat(2),
        ),
        ("HTTP/1.0 twice", request(" HTTP/1.0", "").repeat(2)),
        ("HTTP/1.1 without a host", request(" HTTP/1.1", "")),
        ("HTTP/0.9", "GET /api/health\r\n".to_owned()),
        ("HTTP/1.2", request(" HTTP/1.2", "Host: mock\r\n")),
        ("HTTP/2.0 in a line", request(" HTTP/2.0", "Host: mock\r\n")),
        ("an upgrade to h2c", request(" HTTP/1.1", upgrade)),
        (
            "a websocket",
            request(
                " HTTP/1.1",
                "Host: mock\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n",
            ),
        ),
    ];
    assert_snapshot!(table(cases).await, @r#"
    HTTP/1.0: 200
    HTTP/1.0 twice, kept alive: 200 200
    HTTP/1.0 twice: 200
    HTTP/1.1 without a host: 200
    HTTP/0.9: 400
    HTTP/1.2: 400
    HTTP/2.0 in a line: 400
    an upgrade to h2c: 200
    a websocket: 200
    "#);
}

#[tokio::test]
async fn every_form_of_target_is_answered() {
    let ask =
        |method_and_target: &str| format!("{method_and_target} HTTP/1.1\r\nHost: mock\r\n\r\n");
    let cases = [
        (
            "absolute, elsewhere",
            ask("GET http://elsewhere.example/api/health"),
        ),
        ("absolute, HTTPS", ask("GET https://mock/api/health?x=1")),
        ("absolute, no path", ask("GET http://mock")),
        ("authority", ask("CONNECT mock:443")),
        ("authority of a GET", ask("GET mock:443")),
        ("asterisk", ask("OPTIONS *")),
        ("asterisk of a GET", ask("GET *")),
        ("no slash", ask("GET api/health")),
        ("two slashes", ask("GET //api/health")),
        ("dots", ask("GET /api/../api/health")),
        ("a fragment", ask("GET /api/health#x")),
        ("a space", ask("GET /api /health")),
        ("bytes", ask("GET /\u{e9}")),
        ("half an escape", ask("GET /%")),
        ("a method of ours", ask("BREW /api/health")),
        ("a method in small letters", ask("get /api/health")),
    ];
    assert_snapshot!(table(cases).await, @r#"
    absolute, elsewhere: 200
    absolute, HTTPS: 200
    absolute, no path: 200
    authority: 405
    authority of a GET: 200
    asterisk: 404
    asterisk of a GET: 404
    no slash: 400
    two slashes: 404
    dots: 404
    a fragment: 200
    a space: 400
    bytes: 404
    half an escape: 404
    a method of ours: 405
    a method in small letters: 405
    "#);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let mock = mock().await;
    let body = CONF.client_credentials().encoded();
    let length = format!("Content-Length: {}\r\n", body.len());
    let input = [
        SMUGGLED.to_owned(),
        token_request(&length, &body),
        "GET /api/nowhere HTTP/1.1\r\nHost: mock\r\n\r\n".to_owned(),
        token_request("Transfer-Encoding: chunked\r\n", &chunked(&body)),
        SMUGGLED.to_owned(),
    ];
    let received = answers(&mock, input.concat()).await;
    assert_eq!(
        statuses(&received),
        ["200", "200", "404", "200", "200"],
        "{received}"
    );
    assert_eq!(received.matches("access_token").count(), 2, "{received}");
}

#[tokio::test]
async fn expect_continue_gets_100() {
    let mock = mock().await;
    let body = CONF.client_credentials().encoded();
    let expecting = |what: &str| {
        let headers = format!("Content-Length: {}\r\nExpect: {what}\r\n", body.len());
        token_request(&headers, "")
    };
    let mut line = RawConnection::to(mock.server().address()).await;
    line.send(expecting("100-continue")).await;
    assert_eq!(line.read_response().await, "HTTP/1.1 100 Continue\r\n\r\n");
    line.send(&body).await;
    assert!(line.read_response().await.contains("access_token"));
    // An expectation of 100 without waiting for it, and an unknown expectation.
    for what in ["100-continue", "x"] {
        let received = answers(&mock, expecting(what) + &body).await;
        assert_eq!(statuses(&received).last(), Some(&"200"), "{received}");
    }
    // A client that never sends the body.
    let received = answers(&mock, expecting("100-continue")).await;
    assert_eq!(statuses(&received), ["100", "400"], "{received}");
}

#[tokio::test]
async fn a_body_in_chunks_is_read_and_a_broken_one_counts_as_empty() {
    let body = CONF.client_credentials().encoded();
    let (first, rest) = body.split_at(10);
    let say = |body: String| token_request("Transfer-Encoding: chunked\r\n", &body);
    let size = body.len();
    let cases = [
        ("one chunk", say(chunked(&body))),
        (
            "two chunks",
            say(format!(
                "a\r\n{first}\r\n{:X}\r\n{rest}\r\n0\r\n\r\n",
                rest.len()
            )),
        ),
        (
            "an extension",
            say(format!("{size:x};x=\"y\"\r\n{body}\r\n0\r\n\r\n")),
        ),
        (
            "trailers",
            say(format!(
                "{size:x}\r\n{body}\r\n0\r\nX-Check: 1\r\nContent-Length: 3\r\n\r\n"
            )),
        ),
        (
            "a size that is none",
            say(format!("zz\r\n{body}\r\n0\r\n\r\n")),
        ),
        ("a negative size", say(format!("-1\r\n{body}\r\n0\r\n\r\n"))),
        (
            "a size with a prefix",
            say(format!("0x{size:x}\r\n{body}\r\n0\r\n\r\n")),
        ),
        (
            "a size beyond all bounds",
            say(format!("fffffffffffffffff\r\n{body}")),
        ),
        (
            "the largest size",
            say(format!("ffffffffffffffff\r\n{body}")),
        ),
        (
            "a size that is too small",
            say(format!("2\r\n{body}\r\n0\r\n\r\n")),
        ),
        (
            "a size that is too large",
            say(format!("ffff\r\n{body}\r\n0\r\n\r\n")),
        ),
        ("no last chunk", say(format!("{size:x}\r\n{body}\r\n"))),
        (
            "an endless extension",
            say(format!("{size:x};{}\r\n", "x".repeat(100_000))),
        ),
        (
            "endless trailers",
            say(format!(
                "{size:x}\r\n{body}\r\n0\r\n{}\r\n",
                "X: y\r\n".repeat(5000)
            )),
        ),
        ("bare line feeds", say(format!("{size:x}\n{body}\n0\n\n"))),
    ];
    assert_snapshot!(table(cases).await, @r#"
    one chunk: 200
    two chunks: 200
    an extension: 200
    trailers: 200
    a size that is none: 400
    a negative size: 400
    a size with a prefix: 400
    a size beyond all bounds: 400
    the largest size: 400
    a size that is too small: 400
    a size that is too large: 400
    no last chunk: 400
    an endless extension: 400
    endless trailers: 400
    bare line feeds: 400
    "#);
}

#[tokio::test]
async fn http2_prior_knowledge_works_without_tls() {
    let mock = mock().await;
    let stream = TcpStream::connect(mock.server().address()).await.unwrap();
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let mut streams = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let mut sender = sender.clone();
        let request = Request::post(format!("{}{TOKEN}", mock.base))
            .header("content-type", FORM)
            .body(Body::from(CONF.client_credentials().encoded()))
            .unwrap();
        streams.spawn(async move {
            let answer = sender.send_request(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            to_bytes(Body::new(answer.into_body()), 9999).await.unwrap()
        });
    }
    for body in streams.join_all().await {
        assert!(String::from_utf8_lossy(&body).contains("access_token"));
    }
}
