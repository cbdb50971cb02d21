//! What of an exchange may be read over a shoulder? Everything but secrets, wherever they stand: by the name that they
//! go by, in a query within a query, or by their look.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::protocol::secret::PREFIX;

/// Names whose values are secrets, in lower case and without what divides words.
const SECRET: &[&str] = &[
    "apikey",
    "assertion",
    "authcode",
    "authorizationcode",
    "clientassertion",
    "code",
    "cookie",
    "devicecode",
    "idtokenhint",
    "jwt",
    "passwd",
    "pwd",
    "session",
    "sid",
    "usercode",
];

/// What the names of other secrets end in: `client_secret`, `accessToken`, `code-verifier`.
const SECRET_ENDINGS: [&str; 5] = ["password", "secret", "token", "tokens", "verifier"];

/// What is shown in their place.
pub(crate) const REDACTED: &str = "[redacted]";

/// A query in a query in a query: what is deeper than anybody's returnUrl is not shown.
const DEEPEST: usize = 8;

/// The value without its secrets.
pub(crate) fn redact(value: Value) -> Value {
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
            Value::Bool(_) => value,
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

/// Whether a secret goes by this name, however it is spelt – who misspells it still sends the secret – or as one of a
/// list: `code[]`.
pub(crate) fn is_secret(name: &str) -> bool {
    let name = name.split('[').next().unwrap_or_default();
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let plain: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    // `client_secret_2`.
    let plain = plain.trim_end_matches(|letter: char| letter.is_ascii_digit());
    SECRET.contains(&plain) || SECRET_ENDINGS.iter().any(|end| plain.ends_with(end))
}

/// What may be shown of a value that goes by this name.
pub(crate) fn shown<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    if is_secret(name) {
        REDACTED.into()
    } else {
        redact_text(value)
    }
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

/// A text, location or path without the secrets of its query – a returnUrl carries one of its own – and of its fragment,
/// and without anything that looks like one of our secrets.
pub(crate) fn redact_text(text: &str) -> Cow<'_, str> {
    redact_within(text, DEEPEST)
}

fn redact_within(text: &str, depth: usize) -> Cow<'_, str> {
    let Some(depth) = depth.checked_sub(1) else {
        return REDACTED.into();
    };
    if let Some(named) = without_userinfo(text) {
        return redact_within(&named, depth).into_owned().into();
    }
    let (before, fragment) = divided(text, '#');
    let (path, query) = divided(before, '?');
    // A page that finds its way by the fragment has a path and a query in there.
    let (way, pairs) = match fragment.map(|fragment| divided(fragment, '?')) {
        Some((way, Some(pairs))) => (Some(way), Some(pairs)),
        _ => (None, fragment),
    };
    let shown_query = query.and_then(|query| redact_pairs(query, depth));
    let shown_pairs = pairs.and_then(|pairs| redact_pairs(pairs, depth));
    if shown_query.is_none() && shown_pairs.is_none() {
        return redact_tokens(text);
    }
    let mut shown = path.to_owned();
    let divider = if way.is_some() { '?' } else { '#' };
    for (divider, part) in [
        ('?', shown_query.as_deref().or(query)),
        ('#', way),
        (divider, shown_pairs.as_deref().or(pairs)),
    ] {
        if let Some(part) = part {
            shown.push(divider);
            shown += part;
        }
    }
    redact_tokens(&shown).into_owned().into()
}

/// A URL without its user and password; nothing where it names none.
fn without_userinfo(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (userinfo, _) = rest[..end].rsplit_once('@')?;
    (userinfo != REDACTED).then(|| format!("{scheme}://{REDACTED}{}", &rest[userinfo.len()..]))
}

/// What stands before the divider, and what behind it, if it is there.
fn divided(text: &str, divider: char) -> (&str, Option<&str>) {
    match text.split_once(divider) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

/// Pairs as a form has them, without secrets; nothing where there are none.
fn redact_pairs(pairs: &str, depth: usize) -> Option<String> {
    let mut hides = false;
    let shown: Vec<_> = url::form_urlencoded::parse(pairs.as_bytes())
        .map(|(name, value)| {
            let shown = if is_secret(&name) {
                REDACTED.to_owned()
            } else {
                redact_within(&value, depth).into_owned()
            };
            hides |= shown != value;
            (name, shown)
        })
        .collect();
    let mut written = url::form_urlencoded::Serializer::new(String::new());
    hides.then(|| written.extend_pairs(shown).finish())
}

/// The text with `[redacted]` for each `civitai_` and the hexadecimal digits that follow.
fn redact_tokens(text: &str) -> Cow<'_, str> {
    if !text.contains(PREFIX) {
        return text.into();
    }
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
    shown.into()
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
        assert!(redact_text(&deep).len() < 200);
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
    fn a_secret_is_one_however_its_name_is_spelt() {
        for name in [
            "clientSecret",
            "Refresh-Token",
            "code_verifier[]",
            "PASSWORD",
            "x-api-key-secret",
            "refresh_tokens",
            "client_secret_2",
            "userCode",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "code_challenge",
            "token_type",
            "expires_in",
            "scope",
            "token_endpoint",
            "status_code",
        ] {
            assert!(!is_secret(name), "{name}");
        }
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
