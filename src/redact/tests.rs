//! Tests of redaction as a whole, and of how long it takes.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Map, json};

use super::text::{Scan, redact_object};
use super::*;

#[test]
fn secrets_are_redacted_by_their_names() {
    let shown = redact(json!({
        "client_secret": "s", "Code[]": ["c"], "authorization": "Basic eA==", "state": "x",
        "answer": [{"access_token": "t", "scope": "1"}], "id_token_hint": "h", "token": null,
    }));
    assert_eq!(
        shown,
        json!({
            "client_secret": "[redacted]", "Code[]": "[redacted]", "authorization": "Basic [redacted]",
            "state": "x", "answer": [{"access_token": "[redacted]", "scope": "1"}],
            "id_token_hint": "[redacted]", "token": null,
        })
    );
}

#[test]
fn secrets_are_redacted_in_queries_within_queries() {
    assert_eq!(
        redact_text("http://a/?code=c&x=1#f"),
        "http://a/?code=%5Bredacted%5D&x=1#f"
    );
    assert_eq!(
        redact(json!({ "uri": "http://a/d?code=c", "returnUrl": "/l?returnUrl=%2Fd%3Fcode%3Dc" })),
        json!({
            "uri": "http://a/d?code=%5Bredacted%5D",
            "returnUrl": "/l?returnUrl=%2Fd%3Fcode%3D%255Bredacted%255D",
        })
    );
    assert_eq!(redact_text("what? a=b c"), "what? a=b c");
    let deep = "?a=".repeat(1000);
    assert!(redact_text(&deep).len() < 250);
}

#[test]
fn secrets_are_redacted_in_fragments() {
    for (text, shown) in [
        (
            "http://a/#access_token=x&b=1",
            "http://a/#access_token=%5Bredacted%5D&b=1",
        ),
        (
            "http://a/?b=1#/way?code=c",
            "http://a/?b=1#/way?code=%5Bredacted%5D",
        ),
        ("http://a/?code=c#way", "http://a/?code=%5Bredacted%5D#way"),
        ("http://a/?b=1#way", "http://a/?b=1#way"),
        ("http://user:password@a/b", "http://[redacted]@a/b"),
        ("mailto:a@b", "mailto:a@b"),
    ] {
        assert_eq!(redact_text(text), shown);
    }
}

#[test]
fn an_authorization_of_no_scheme_is_redacted_whole() {
    for (header, shown) in [
        ("bearer x", "bearer [redacted]"),
        ("Basic ", "Basic [redacted]"),
        ("hunter2", "[redacted]"),
        ("hunter 2", "[redacted]"),
    ] {
        assert_eq!(
            redact(json!({ "authorization": header })),
            json!({ "authorization": shown })
        );
    }
}

const SECRET: &str = "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7";

#[test]
fn secrets_are_redacted_in_whatever_encoding_they_come() {
    for (text, shown) in [
        ("/c/%63ivitai_00ff/x y", "/c/[redacted]/x y"),
        ("/c/%2563ivitai_00ff", "/c/[redacted]"),
        ("/cb%3Fcode%3Dx%26state%3Dy", "/cb?code=[redacted]&state=y"),
        ("\\u0063ivitai_00ff", "[redacted]"),
        (
            "{\"client_secret\":\"x\",\"a\":1}",
            "{\"client_secret\":\"[redacted]\",\"a\":1}",
        ),
        (
            "{\"a\":\"{\\\"pin\\\":12}\"}",
            "{\"a\":\"{\\\"pin\\\":\\\"[redacted]\\\"}\"}",
        ),
        (
            "{\"a\":\"civitai_00\",\"a\":1",
            "{\"a\":\"[redacted]\",\"a\":1",
        ),
        (
            "{\"a\":\"civitai_00\",\"a\":1}",
            "{\"a\":\"[redacted]\",\"a\":1}",
        ),
        (
            "unknown key \"client[secret]\" = 'x'",
            "unknown key \"client[secret]\" = '[redacted]'",
        ),
        ("client_secret=a%26hunter2x&b", "client_secret=[redacted]&b"),
        (
            "/a?u=client_secret%3Da%2526hunter2x",
            "/a?u=client_secret%3D%5Bredacted%5D",
        ),
        (
            "{\"a\":\"client_secret=a%26hunter2x\"}",
            "{\"a\":\"client_secret=[redacted]\"}",
        ),
        (
            "client_secret%3Da%2526hunter2x b",
            "client_secret=[redacted] b",
        ),
        (
            "[[\"client_secret\",\"x\"],[\"a\",\"b\"]]",
            "[[\"client_secret\",\"[redacted]\"],[\"a\",\"b\"]]",
        ),
        ("client_secret: x", "client_secret: [redacted]"),
        (
            "http://a@b/ and https://c:d@e",
            "http://[redacted]@b/ and https://[redacted]@e",
        ),
    ] {
        assert_eq!(redact_text(text), shown, "{text}");
    }
}

#[test]
fn a_message_goes_on_after_the_url_that_it_repeats() {
    for (text, shown) in [
        (
            "no client \"/cb?code=x\"; did you mean \"conf\"?",
            "no client \"/cb?code=[redacted]\"; did you mean \"conf\"?",
        ),
        (
            "{\"message\":\"code=x\"}",
            "{\"message\":\"code=[redacted]\"}",
        ),
        (
            "is \"{\\\"pin\\\":\\\"1\\\"}\" a list?",
            "is \"{\\\"pin\\\":\\\"[redacted]\\\"}\" a list?",
        ),
        (
            "choose \"json\" or \"sarif\"",
            "choose \"json\" or \"sarif\"",
        ),
    ] {
        assert_eq!(redact_message(text), shown);
    }
}

#[test]
fn names_that_are_secrets_are_redacted() {
    assert_eq!(
        redact(json!({ "civitai_00": "", "civitai_01": 1, SECRET: { "b": null } })),
        json!({ "[redacted]": "", "[redacted] 2": 1, "[redacted] 3": { "b": null } })
    );
    let query = format!("/x?{SECRET}&a=b");
    assert_eq!(redact_text(&query), "/x?%5Bredacted%5D=&a=b");
    assert_eq!(redact(json!(["civitai_0a"])), json!(["[redacted]"]));
}

#[test]
fn a_redacted_name_replaces_no_other_member() {
    assert_eq!(
        redact(json!({ "civitai_00": 1, "[redacted]": 2, "civitai_01": 3, "[redacted] 3": 4 })),
        json!({ "[redacted]": 1, "[redacted] 2": 2, "[redacted] 3": 3, "[redacted] 3 4": 4 })
    );
    assert_eq!(
        redact(json!({ "[redacted] 2": 1, "civitai_00": 2, "civitai_01": 3 })),
        json!({ "[redacted] 2": 1, "[redacted]": 2, "[redacted] 3": 3 })
    );
}

#[test]
fn ordinary_values_stay_readable() {
    let ordinary = json!({
        "client_id": "dec0de00-0000-4000-8000-000000000001",
        "scope": ["5"],
        "grants": ["authorization_code", "refresh_token"],
        "state": SECRET,
        "nonce": "eyJhbGciOiJkaXIifQ..a.b.c",
        "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        "redirect_uri": "http://localhost:3000/api/auth/callback/civitai?a=b%20c#top",
        "location": format!("https://app.example/cb?state={SECRET}&iss=http%3A%2F%2Fmock"),
        "token_type": "Bearer",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
        "content-type": "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
        "error": { "json": { "message": "x", "code": -32001, "data": { "code": "UNAUTHORIZED" } } },
        "has_secret": true,
        "client_secret": "",
        "keys": [{ "kty": "EC", "kid": "abc", "x": "y" }],
        "x-forwarded-for": "203.0.113.7, 10.0.0.1",
        "text": "what? a=b c – 100% \\ {x}",
    });
    assert_eq!(redact(ordinary.clone()), ordinary);
}

/// The result of work that takes at most 5 s. Work that is not in proportion to the text takes minutes.
fn within_5_seconds<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(work()));
    let result = receiver.recv_timeout(Duration::from_secs(5));
    result.expect("it takes at most 5 s")
}

#[test]
fn redacted_names_are_numbered_in_bounded_time() {
    const COUNT: usize = 20_000;
    let taken = (0..COUNT).map(|at| format!("[redacted] {}", COUNT + at));
    let secret = (0..COUNT).map(|at| format!("civitai_{at:08}"));
    let object: Map<_, _> = taken.chain(secret).map(|name| (name, 1.into())).collect();
    let shown = within_5_seconds(|| redact_object(object, Scan::default()));
    assert_eq!(shown.len(), 2 * COUNT);
}

#[test]
fn long_text_is_redacted_in_bounded_time() {
    for part in [
        "%25",
        "?a=",
        "[\"",
        "{\"a\":",
        "\\\"",
        "a=",
        "code=",
        "code: ",
        "\\u005c",
        "civitai_0 ",
        "civitai_",
        "civitai_0123456789_",
        "://a@",
        ".eyJ",
        "basic+",
        "Bearer ",
        "a-b:",
        "a_code: b ",
        "a_code: \"",
        "a_code: /b: ",
        "\"code\":\"",
        "code:x ",
        "a:b ",
        "[[\"code\",",
        "[\"code\",\"x",
        "[\"code\",\"x\"",
        "(\"a\",\n",
        "\\\"code\\\",",
        "name=code value:",
        "name=code\n\n",
        "name=code\n",
        "value: ",
        "code:\n",
        "code:\n ",
        "code: |\n",
        "code: b c\n",
        "code: a b ",
        "x code: ",
        "\\n",
        "\\n code: ",
        "code=b'",
        "code=Some(",
        "code='''",
    ] {
        let text = part.repeat(50_000);
        let longest = 10 * text.len();
        let shown = within_5_seconds(move || redact_text(&text).into_owned());
        assert!(shown.len() <= longest, "{part}");
    }
}
