//! Malformed input: every request is answered, never with a 500, and delays no other.

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::support::{
    AUTHORIZE, CONF, CONSENT_PAGE, REVOKE, SandboxClient, TOKEN, TestResponse, TestServer, USERINFO,
};

const FORM: &str = "application/x-www-form-urlencoded";

const POSTED_TO: [&str; 6] = [
    AUTHORIZE,
    TOKEN,
    REVOKE,
    "/login",
    CONSENT_PAGE,
    "/_mock/settings",
];

fn is_sane(answer: &TestResponse, what: &str) {
    assert!(answer.status < 500, "{what}: {answer}");
}

async fn post_everywhere(mock: &SandboxClient, kind: &str, body: &[u8], what: &str) {
    let cookie = mock.session("ada").await;
    for path in POSTED_TO {
        let method = if path == "/_mock/settings" {
            "PATCH"
        } else {
            "POST"
        };
        let ask = mock.request(method, path).cookie(&cookie);
        is_sane(
            &ask.body(kind, body.to_vec()).await,
            &format!("{what} to {path}"),
        );
    }
}

#[tokio::test]
async fn ten_thousand_parameters_are_read() {
    let mock = TestServer::documented().await;
    let many: Vec<String> = (0..10_000)
        .map(|number| format!("p{number}={number}"))
        .collect();
    post_everywhere(&mock, FORM, many.join("&").as_bytes(), "many").await;
    let same = "state=a&".repeat(10_000) + &CONF.authorize_params("1").encoded();
    post_everywhere(&mock, FORM, same.as_bytes(), "many of a name").await;
    let code = mock.code(&CONF, "1").await;
    let last = "code=x&".repeat(10_000) + &CONF.redeem_params(&code).encoded();
    let answer = mock.request("POST", TOKEN).body(FORM, last).await;
    assert_eq!(answer.status, 200, "{answer}");
}

#[tokio::test]
async fn random_bytes_are_answered() {
    let mock = TestServer::documented().await;
    for (what, body) in [
        (
            "NUL",
            &b"client_id=%00&state=\x00&name=%00&user=%00&token=%00&code=%00"[..],
        ),
        (
            "invalid UTF-8",
            b"client_id=%ff%fe&state=\xff\xfe&name=%c3%28&token=\xc3",
        ),
        ("half an escape", b"client_id=%&state=%4&name=%zz&token=%"),
        ("separators", b"&&&===&=&=a&a="),
        ("noise", b"\x00\x01\x02\xff\xfe\xfd"),
    ] {
        for kind in [
            FORM,
            "application/json",
            "multipart/form-data; boundary=x",
            "",
            "\u{7f}",
        ] {
            if reqwest::header::HeaderValue::from_str(kind).is_ok() {
                post_everywhere(&mock, kind, body, what).await;
            }
        }
    }
    let deep = "[".repeat(100_000);
    post_everywhere(&mock, "application/json", deep.as_bytes(), "nesting").await;
    for query in [
        "%00",
        "%ff",
        "client_id=%00&redirect_uri=%00",
        "returnUrl=%ff",
        "&&=&",
    ] {
        for path in [AUTHORIZE, CONSENT_PAGE, "/login", "/", USERINFO] {
            is_sane(&mock.get(&format!("{path}?{query}")).await, query);
        }
    }
}

#[tokio::test]
async fn nul_characters_are_rejected() {
    let mock = TestServer::documented().await;
    for (name, value) in [
        ("client_id", "conf\0"),
        ("redirect_uri", "https://app.example/callback\0"),
        ("state", "\0"),
    ] {
        let answer = mock
            .approve(&CONF.authorize_params("1").with(name, value))
            .await;
        assert_eq!(answer.status, 400, "{name}: {answer}");
    }
    for (name, value) in [
        ("client_id", "conf\0"),
        ("code", "\0"),
        ("client_secret", "secret-conf\0"),
    ] {
        let answer = mock.token(&CONF.redeem_params("x").with(name, value)).await;
        assert_eq!(answer.status, 400, "{name}: {answer}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_answered_everywhere() {
    let mock = TestServer::documented().await;
    let body = vec![b'a'; 3 * 1024 * 1024];
    for kind in [FORM, "application/json", "multipart/form-data; boundary=x"] {
        for path in [AUTHORIZE, TOKEN, REVOKE, "/login"] {
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            let answer = mock.raw(&[head.as_bytes(), &body].concat()).await;
            let status = answer.split(' ').nth(1).unwrap_or_default();
            assert!(
                matches!(status, "303" | "400" | "200" | "413"),
                "{kind} to {path}: {answer}"
            );
        }
    }
}

#[tokio::test]
async fn odd_and_huge_headers_are_answered() {
    let mock = TestServer::documented().await;
    let long = "x".repeat(100_000);
    let cases = [
        format!("GET {USERINFO} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {long}\r\n"),
        format!("GET /login HTTP/1.1\r\nHost: x\r\nCookie: {long}\r\n"),
        format!("GET {AUTHORIZE} HTTP/1.1\r\nHost: x\r\nX-Mock-User: {long}\r\n"),
        format!("GET {AUTHORIZE}?{long} HTTP/1.1\r\nHost: x\r\n"),
        format!("GET /{long} HTTP/1.1\r\nHost: x\r\n"),
        format!("GET / HTTP/1.1\r\nHost: x\r\n{}", "A: b\r\n".repeat(50)),
        "GET / HTTP/1.0\r\n".to_owned(),
        "GET / HTTP/1.1\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: \u{ff}\r\n".to_owned(),
        "GET http://evil.example/login HTTP/1.1\r\nHost: x\r\n".to_owned(),
        format!("GET {AUTHORIZE} HTTP/1.1\r\nHost: x\r\nCookie: \u{e9}=\u{e9}; ;=;civ-token\r\n"),
        format!("GET {AUTHORIZE} HTTP/1.1\r\nHost: x\r\nX-Mock-User: \u{e9}\r\n"),
    ];
    for head in cases {
        let answer = mock
            .raw(format!("{head}Connection: close\r\n\r\n").as_bytes())
            .await;
        let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
        let shown: String = head.chars().take(60).collect();
        assert!(
            matches!(status.as_bytes().first(), Some(b'2'..=b'4')),
            "{shown}: {answer}"
        );
    }
    assert_eq!(mock.get("/api/health").await.status, 200);
}

#[tokio::test]
async fn non_http_bytes_close_only_their_connection() {
    let mock = TestServer::documented().await;
    for noise in [
        &b"\x16\x03\x01\x02\x00\x01\x00"[..],
        b"hello\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
    ] {
        let answer = mock.raw(noise).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
            "{noise:?}: {answer}"
        );
    }
    assert_eq!(mock.get("/api/health").await.status, 200);
}

#[tokio::test]
async fn slow_client_delays_no_other() {
    let mock = TestServer::documented().await;
    let mut dawdlers = Vec::new();
    for at in 0..100 {
        let mut stream = TcpStream::connect(mock.server().address()).await.unwrap();
        let part = if at % 2 == 0 {
            "POST /api/auth/oauth/token HTTP/1.1\r\nHo".to_owned()
        } else {
            format!(
                "POST {TOKEN} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 100\r\n\r\ncode="
            )
        };
        stream.write_all(part.as_bytes()).await.unwrap();
        dawdlers.push(stream);
    }
    let tokens = mock.tokens(&CONF, "1").await;
    assert!(mock.is_active(&tokens.access).await);
    drop(dawdlers);
    assert_eq!(mock.get("/api/health").await.status, 200);
}

#[tokio::test]
async fn slow_client_does_not_delay_shutdown() {
    let mock = TestServer::documented().await;
    let mut dawdler = TcpStream::connect(mock.server().address()).await.unwrap();
    dawdler.write_all(b"GET / HTTP/1.1\r\nHo").await.unwrap();
    assert_eq!(mock.get("/api/health").await.status, 200);
    let stopped = tokio::time::timeout(std::time::Duration::from_secs(3), mock.stop()).await;
    assert!(stopped.is_ok(), "it still waits");
}
