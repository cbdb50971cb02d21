//! Request smuggling: no input that a proxy and this server could parse differently hides a second request.

use insta::assert_snapshot;

use crate::server::http_protocol::{SMUGGLED, chunked, table, token_request};
use crate::support::CONF;

#[tokio::test]
async fn no_request_is_smuggled_behind_another() {
    let body = CONF.client_credentials().encoded();
    let size = body.len();
    let whole = format!("{body}{SMUGGLED}");
    let (longer, in_chunks) = (whole.len(), chunked(&whole));
    let more = format!("{}{SMUGGLED}", chunked(&body));
    let length = |value: &str| token_request(&format!("Content-Length: {value}\r\n"), &whole);
    let coding = |headers: &str, body: &str| {
        token_request(&format!("{headers}Transfer-Encoding: chunked\r\n"), body)
    };
    let another = |value: &str| {
        let headers = format!("Transfer-Encoding: {value}\r\n");
        token_request(&headers, &more)
    };
    let both = format!("Content-Length: {}\r\n", in_chunks.len());
    let twice = format!("{size}\r\nContent-Length: {longer}");
    let old = coding("", &more).replacen("HTTP/1.1", "HTTP/1.0", 1);
    let body_of_get = format!("Content-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len());
    let cases = [
        ("two lengths", length(&twice)),
        (
            "two lengths in a line",
            length(&format!("{size}, {longer}")),
        ),
        ("a length with a sign", length(&format!("+{size}"))),
        ("a negative length", length("-1")),
        ("a length in hex", length("0x10")),
        ("a length beyond all bounds", length("99999999999999999999")),
        ("a length and chunks", coding(&both, &in_chunks)),
        (
            "a short length and chunks",
            coding("Content-Length: 4\r\n", &more),
        ),
        ("chunks that are not last", another("chunked, identity")),
        ("a coding that is none", another("xchunked")),
        ("a coding in quotes", another("\"chunked\"")),
        (
            "chunks twice, and a request behind them",
            another("chunked, chunked"),
        ),
        ("HTTP/1.0 with chunks", old),
        (
            "a GET with a body",
            format!("{}{body_of_get}", &SMUGGLED[..SMUGGLED.len() - 2]),
        ),
    ];
    assert_snapshot!(table(cases).await, @r#"
    two lengths: 400
    two lengths in a line: 400
    a length with a sign: 400
    a negative length: 400
    a length in hex: 400
    a length beyond all bounds: 400
    a length and chunks: 400
    a short length and chunks: 200
    chunks that are not last: 400
    a coding that is none: 400
    a coding in quotes: 400
    chunks twice, and a request behind them: 200 200
    HTTP/1.0 with chunks: 400
    a GET with a body: 200
    "#);
}

#[tokio::test]
async fn odd_header_lines_are_rejected_or_read_as_specified() {
    let body = CONF.client_credentials().encoded();
    let size = body.len();
    let with =
        |headers: &str| token_request(&format!("{headers}Content-Length: {size}\r\n"), &body);
    let cases = [
        (
            "the same length twice",
            with(&format!("Content-Length: {size}\r\n")),
        ),
        ("a space before the colon", with("X-Odd : a\r\n")),
        ("a folded line", with("X-Odd: a\r\n b\r\n")),
        ("a bare carriage return", with("X-Odd: a\rb\r\n")),
        ("a bare line feed", with("X-Odd: a\n")),
        ("a NUL", with("X-Odd: a\0b\r\n")),
        ("an empty name", with(": a\r\n")),
        ("no colon", with("X-Odd\r\n")),
        ("a name of bytes", with("X-\u{e9}: a\r\n")),
        ("a value of bytes", with("X-Odd: \u{e9}\r\n")),
        ("two hosts", with("Host: elsewhere\r\n")),
    ];
    assert_snapshot!(table(cases).await, @r#"
    the same length twice: 200
    a space before the colon: 400
    a folded line: 400
    a bare carriage return: 400
    a bare line feed: 200
    a NUL: 400
    an empty name: 400
    no colon: 400
    a name of bytes: 400
    a value of bytes: 200
    two hosts: 200
    "#);
}
