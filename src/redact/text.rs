//! Redacts text and JSON, which contain each other: URLs, queries within queries, JSON within strings, percent-encoded
//! parts of a path.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::encoding::{decode_once, encode};
use super::members::{is_value_member, secret_name};
use super::names::{is_authorization, is_public_random, is_secret};
use super::pairs::redact_pairs;
use super::placeholder::REDACTED;
use super::shapes::redact_shapes;

/// The error codes of tRPC, whose key is `code`, too.
const ERROR_WORDS: [&str; 12] = [
    "BAD_GATEWAY",
    "BAD_REQUEST",
    "CLIENT_CLOSED_REQUEST",
    "CONFLICT",
    "FORBIDDEN",
    "INTERNAL_SERVER_ERROR",
    "METHOD_NOT_SUPPORTED",
    "NOT_FOUND",
    "PARSE_ERROR",
    "TIMEOUT",
    "TOO_MANY_REQUESTS",
    "UNAUTHORIZED",
];

/// The deepest nesting that is inspected; deeper text is redacted as a whole.
const MAX_DEPTH: usize = 8;

/// Longer text, in bytes, is inspected less deeply, so that no input takes more than a few milliseconds.
const LONG_TEXT_BYTES: usize = 32 * 1024;
const MAX_DEPTH_OF_LONG_TEXT: usize = 4;

/// The remaining depth and the options of redaction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scan {
    depth: usize,
    /// Whether long hexadecimal numbers and JWTs are shown here.
    shows_random: bool,
}

impl Scan {
    /// The options for the value under this name.
    pub(super) fn under(self, name: &str) -> Self {
        Self {
            shows_random: self.shows_random || is_public_random(name),
            ..self
        }
    }

    /// The options for the parts of this text; none if it is nested too deeply.
    fn within(self, text: &str) -> Option<Self> {
        let deepest = if text.len() > LONG_TEXT_BYTES {
            MAX_DEPTH_OF_LONG_TEXT
        } else {
            MAX_DEPTH
        };
        let depth = self.depth.min(deepest).checked_sub(1)?;
        Some(Self { depth, ..self })
    }
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            depth: MAX_DEPTH,
            shows_random: false,
        }
    }
}

/// The value under this name, without its secrets.
pub(super) fn redact_named_within<'a>(name: &str, value: &'a str, scan: Scan) -> Cow<'a, str> {
    if is_secret(name) && !value.is_empty() {
        REDACTED.into()
    } else {
        redact_within(value, scan.under(name))
    }
}

pub(super) fn redact_within(text: &str, scan: Scan) -> Cow<'_, str> {
    let Some(scan) = scan.within(text) else {
        return REDACTED.into();
    };
    if let Some(shown) = redact_json(text, scan) {
        return shown.into();
    }
    if let Some(named) = without_userinfo(text) {
        return redact_within(&named, scan).into_owned().into();
    }
    let url = Url::split(text);
    let shown_query = url.query.and_then(|query| redact_query(query, scan));
    let shown_fragment = url
        .fragment_query
        .and_then(|query| redact_query(query, scan));
    if url.query.is_none() && url.fragment_query.is_none() {
        return redact_plain(text, scan);
    }
    let mut shown = redact_plain(url.path, scan).into_owned();
    let divider = if url.fragment_path.is_some() {
        '?'
    } else {
        '#'
    };
    let shown_path = url.fragment_path.map(|path| redact_plain(path, scan));
    for (divider, read, part) in [
        ('?', shown_query, url.query),
        ('#', shown_path.map(Cow::into_owned), url.fragment_path),
        (divider, shown_fragment, url.fragment_query),
    ] {
        if let Some(part) = part {
            shown.push(divider);
            shown += read.as_deref().unwrap_or(part);
        }
    }
    if shown == text {
        text.into()
    } else {
        shown.into()
    }
}

/// Sentences without their secrets. A URL ends where its quotes end: the text after them is no part of its query.
pub(super) fn redact_sentences(text: &str, scan: Scan) -> Cow<'_, str> {
    if let Some(shown) = redact_json(text, scan) {
        return shown.into();
    }
    let whole = redact_plain(text, scan);
    let quoted = whole.split('"').map(|part| redact_within(part, scan));
    let shown = quoted.collect::<Vec<_>>().join("\"");
    if shown == text {
        text.into()
    } else {
        shown.into()
    }
}

/// The parts of a URL that are inspected. A fragment may have a path and a query of its own.
struct Url<'a> {
    path: &'a str,
    query: Option<&'a str>,
    /// The path within the fragment.
    fragment_path: Option<&'a str>,
    /// The query within the fragment, or the fragment itself.
    fragment_query: Option<&'a str>,
}

impl<'a> Url<'a> {
    fn split(text: &'a str) -> Self {
        let (before, fragment) = divided(text, '#');
        let (path, query) = divided(before, '?');
        let (fragment_path, fragment_query) = match fragment.map(|fragment| divided(fragment, '?'))
        {
            Some((path, Some(query))) => (Some(path), Some(query)),
            _ => (None, fragment),
        };
        Self {
            path,
            query,
            fragment_path,
            fragment_query,
        }
    }
}

/// The text before the divider, and after it if there is one.
fn divided(text: &str, divider: char) -> (&str, Option<&str>) {
    match text.split_once(divider) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

/// JSON without its secrets; `None` if the text is not JSON or contains no secret.
fn redact_json(text: &str, scan: Scan) -> Option<String> {
    if !text.trim_start().starts_with(['{', '[', '"']) {
        return None;
    }
    let value: Value = serde_json::from_str(text).ok()?;
    let shown = redact_value(value.clone(), scan);
    (shown != value).then(|| shown.to_string())
}

/// The text with `[redacted]` for user and password of each URL; none if no URL has any.
fn without_userinfo(text: &str) -> Option<String> {
    let (mut shown, mut at) = (String::new(), 0);
    for (scheme, divider) in text.match_indices("://") {
        let from = scheme + divider.len();
        let rest = &text[from..];
        let end = rest
            .find(|letter: char| letter.is_whitespace() || "/?#\"'".contains(letter))
            .unwrap_or(rest.len());
        match rest[..end].rsplit_once('@') {
            Some((userinfo, _)) if userinfo != REDACTED => {
                shown.push_str(&text[at..from]);
                shown.push_str(REDACTED);
                at = from + userinfo.len();
            }
            _ => {}
        }
    }
    (at > 0).then(|| shown + &text[at..])
}

/// The pairs of a form or a query without secrets; none if there are none.
fn redact_query(query: &str, scan: Scan) -> Option<String> {
    let mut hides = false;
    let shown: Vec<_> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| {
            let shown_name = redact_within(&name, scan).into_owned();
            let shown = redact_named_within(&name, &value, scan).into_owned();
            hides |= shown != value || shown_name != name;
            (shown_name, shown)
        })
        .collect();
    let mut written = url::form_urlencoded::Serializer::new(String::new());
    hides.then(|| written.extend_pairs(shown).finish())
}

/// Redacts text that is not a URL with a query. Shapes come first: a credential has a space in it, where a word or a value
/// ends. Pairs come before what is encoded, too: an encoded `&` is a part of the value.
fn redact_plain(text: &str, scan: Scan) -> Cow<'_, str> {
    let mut shown = redact_shapes(text, scan.shows_random);
    if let Cow::Owned(redacted) = redact_pairs(&shown) {
        shown = redacted.into();
    }
    if let Some(decoded) = redact_encoded(&shown, scan) {
        shown = redact_pairs(&decoded).into_owned().into();
    }
    shown
}

/// Redacts the words that contain an encoded secret. None if no word does.
fn redact_encoded(text: &str, scan: Scan) -> Option<String> {
    if !text.contains(['%', '\\']) {
        return None;
    }
    let is_end = |letter: char| letter.is_whitespace() || "\"'<>".contains(letter);
    let (mut shown, mut hides) = (String::with_capacity(text.len()), false);
    for part in text.split_inclusive(is_end) {
        let word = part.trim_end_matches(is_end);
        let decoded = decode_once(word);
        let redacted = decoded.as_deref().map(|word| redact_within(word, scan));
        match redacted {
            Some(redacted) if Some(&*redacted) != decoded.as_deref() => {
                hides = true;
                if word.contains('%') {
                    shown += &encode(&redacted);
                } else {
                    shown += &redacted;
                }
            }
            _ => shown += word,
        }
        shown += &part[word.len()..];
    }
    hides.then_some(shown)
}

/// The JSON value without its secrets.
pub(super) fn redact_value(value: Value, scan: Scan) -> Value {
    match value {
        Value::Object(object) => Value::Object(redact_object(object, scan)),
        Value::Array(items) => {
            let items = items.into_iter().map(|item| match item {
                Value::Array(pair) => redact_pair(pair, scan),
                item => redact_value(item, scan),
            });
            Value::Array(items.collect())
        }
        Value::String(text) => redact_within(&text, scan).into(),
        other => other,
    }
}

/// A list within a list, which may be a name and its value.
fn redact_pair(pair: Vec<Value>, scan: Scan) -> Value {
    match <[Value; 2]>::try_from(pair) {
        Ok([Value::String(name), value]) => {
            let value = redact_member(&name, value, scan);
            vec![redact_within(&name, scan).into(), value].into()
        }
        Ok(others) => redact_value(others.to_vec().into(), scan),
        Err(items) => redact_value(items.into(), scan),
    }
}

pub(super) fn redact_object(object: Map<String, Value>, scan: Scan) -> Map<String, Value> {
    let mut shown = Map::with_capacity(object.len());
    let mut number = 1_usize;
    let secret = secret_name(&object);
    for (name, value) in object {
        let value = match &secret {
            Some(secret) if is_value_member(&name) => redact_member(secret, value, scan),
            _ => redact_member(&name, value, scan),
        };
        let name = redact_within(&name, scan);
        // Redacted names are alike: `[redacted]`, `[redacted] 2`.
        let mut unique = name.clone();
        while shown.contains_key(&*unique) {
            number += 1;
            unique = format!("{name} {number}").into();
        }
        shown.insert(unique.into_owned(), value);
    }
    shown
}

fn redact_member(name: &str, value: Value, scan: Scan) -> Value {
    match value {
        // These show whether there is a secret, but not the secret.
        Value::Null | Value::Bool(_) => value,
        Value::String(text) if text.is_empty() => text.into(),
        value if name == "code" && is_error_code(&value) => value,
        Value::String(header) if is_authorization(name) => redact_authorization(&header).into(),
        _ if is_secret(name) => REDACTED.into(),
        other => redact_value(other, scan.under(name)),
    }
}

/// Whether it is an error of tRPC or JSON-RPC: a known word, or a negative number.
fn is_error_code(value: &Value) -> bool {
    let is_word = value
        .as_str()
        .is_some_and(|word| ERROR_WORDS.contains(&word));
    is_word || value.as_i64().is_some_and(i64::is_negative)
}

/// The scheme of the header, if it has a known one: else the whole header may be the secret.
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
