//! What of an exchange may be read over a shoulder? Everything but secrets, wherever they stand: by the name that they
//! go by, in a query within a query, or by their look.

use serde_json::{Map, Value};

use crate::protocol::secret::PREFIX;

/// Parameters and keys of answers whose values are secrets.
const SECRET: [&str; 11] = [
    "access_token",
    "client_secret",
    "code",
    "code_verifier",
    "cookie",
    "device_code",
    "id_token",
    "id_token_hint",
    "refresh_token",
    "token",
    "user_code",
];

const REDACTED: &str = "[redacted]";

/// The value without its secrets.
pub(super) fn redact(value: Value) -> Value {
    match value {
        Value::Object(object) => Value::Object(redact_object(object)),
        Value::Array(items) => Value::Array(items.into_iter().map(redact).collect()),
        Value::String(text) => redact_text(&text).into(),
        other => other,
    }
}

fn redact_object(object: Map<String, Value>) -> Map<String, Value> {
    let shown = |(key, value): (String, Value)| {
        let value = match value {
            Value::Null => Value::Null,
            _ if is_secret(&key) => REDACTED.into(),
            Value::String(header) if key.eq_ignore_ascii_case("authorization") => {
                redact_authorization(&header).into()
            }
            other => redact(other),
        };
        (key, value)
    };
    object.into_iter().map(shown).collect()
}

/// Whether a secret goes by this name, in any case, or as one of a list: `code[]`.
fn is_secret(name: &str) -> bool {
    let name = name.split('[').next().unwrap_or_default();
    SECRET
        .iter()
        .any(|secret| secret.eq_ignore_ascii_case(name))
}

/// The scheme, if it is one: a header that was sent without may be nothing but the secret.
fn redact_authorization(header: &str) -> String {
    match header.split_once(' ') {
        Some((scheme, _))
            if ["basic", "bearer"].contains(&scheme.to_ascii_lowercase().as_str()) =>
        {
            format!("{scheme} {REDACTED}")
        }
        _ => REDACTED.to_owned(),
    }
}

/// A text, location or path without the secrets of its query – a returnUrl carries one of its own – and without
/// anything that looks like one of our secrets.
pub(super) fn redact_text(text: &str) -> String {
    let Some((path, rest)) = text.split_once('?') else {
        return redact_tokens(text);
    };
    let (query, fragment) = match rest.split_once('#') {
        Some((query, fragment)) => (query, format!("#{fragment}")),
        None => (rest, String::new()),
    };
    let mut hides = false;
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| {
            let shown = if is_secret(&name) {
                REDACTED.to_owned()
            } else {
                redact_text(&value)
            };
            hides |= shown != value;
            (name, shown)
        })
        .collect();
    if !hides {
        return redact_tokens(text);
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    redact_tokens(&format!("{path}?{query}{fragment}"))
}

/// The text with `[redacted]` for each `civitai_` and the hexadecimal digits that follow.
fn redact_tokens(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(PREFIX) {
        let (before, found) = rest.split_at(at);
        let secret = &found[PREFIX.len()..];
        let end = secret
            .find(|sign: char| !sign.is_ascii_hexdigit())
            .unwrap_or(secret.len());
        shown.push_str(before);
        shown.push_str(if end == 0 { PREFIX } else { REDACTED });
        rest = &secret[end..];
    }
    shown.push_str(rest);
    shown
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
    }

    #[test]
    fn secrets_are_redacted_by_their_look() {
        assert_eq!(redact_text("/x/civitai_00ff/y"), "/x/[redacted]/y");
        assert_eq!(
            redact_text("a civitai_ b civitai_1é"),
            "a civitai_ b [redacted]é"
        );
        assert_eq!(redact(json!(["civitai_0a"])), json!(["[redacted]"]));
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
}
