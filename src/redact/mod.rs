//! What others have sent, made safe to show: secrets are replaced by `[redacted]`, and control characters are escaped.
//!
//! A secret is known by the name of its value (`names.rs`) or by its look (`shapes.rs`), wherever it stands: in JSON, in
//! JSON within a string, in a query within a query, percent-encoded in a path, or as the name of a parameter. This runs when
//! an exchange is shown, when an error is made and when a request is logged. A request that is not logged waits for none of it.

#[cfg(test)]
mod bounds;
mod encoding;
#[cfg(test)]
mod forms;
mod labels;
mod members;
mod names;
mod pairs;
mod placeholder;
mod printable;
mod shapes;
mod text;
mod values;

use std::borrow::Cow;

use serde_json::Value;

pub(crate) use names::is_secret;
pub(crate) use placeholder::REDACTED;
#[cfg(feature = "cli")]
pub(crate) use printable::printable_lines;
pub(crate) use printable::{printable, printable_json};
use text::{Look, redact_sentences, redact_value, redact_within, shown_within};

/// The value without its secrets.
pub(crate) fn redact(value: Value) -> Value {
    redact_value(value, Look::default())
}

/// The message of an error, or a line of a log, without its secrets.
pub(crate) fn redact_message(text: &str) -> Cow<'_, str> {
    redact_sentences(text, Look::default())
}

/// The text – a URL, JSON, a form – without its secrets.
pub(crate) fn redact_text(text: &str) -> Cow<'_, str> {
    redact_within(text, Look::default())
}

/// What may be shown of the value under this name.
pub(crate) fn shown<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    shown_within(name, value, Look::default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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
            redact(
                json!({ "uri": "http://a/d?code=c", "returnUrl": "/l?returnUrl=%2Fd%3Fcode%3Dc" })
            ),
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
}
