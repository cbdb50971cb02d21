//! Selection of what the rules read: short texts, and digests of everything that was sent.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Map, Value};

use crate::protocol::params::Params;

/// The text parameters that rules read.
pub(crate) const PARAMS: [&str; 29] = [
    "access_token",
    "acr_values",
    "audience",
    "claims",
    "client_id",
    "client_secret",
    "code",
    "code_challenge",
    "code_challenge_method",
    "code_verifier",
    "device_code",
    "display",
    "grant_type",
    "id_token_hint",
    "login_hint",
    "max_age",
    "prompt",
    "redirect_uri",
    "refresh_token",
    "request",
    "request_uri",
    "resource",
    "response_mode",
    "response_type",
    "scope",
    "state",
    "token",
    "ui_locales",
    "user_code",
];

/// The members of a response that rules read.
pub(crate) const ANSWERS: [&str; 10] = [
    "access_token",
    "detail",
    "device_code",
    "error",
    "error_description",
    "expires_in",
    "interval",
    "message",
    "refresh_token",
    "scope",
];

/// A longer text is cut and ends with its digest, so that different texts stay different.
pub(crate) const MAX_TEXT_BYTES: usize = 512;

/// A text as the rules see it.
pub(crate) fn shortened(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_TEXT_BYTES {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(MAX_TEXT_BYTES);
    Cow::Owned(format!("{}…{:016x}", &text[..end], digest(text)))
}

pub(crate) fn digest(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A digest of an object, whatever the order of its members.
pub(crate) fn digest_of(object: &Map<String, Value>) -> u64 {
    let digests = object.iter().map(|(name, value)| {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        match value {
            Value::String(text) => text.hash(&mut hasher),
            other => other.to_string().hash(&mut hasher),
        }
        hasher.finish()
    });
    digests.fold(0, u64::wrapping_add)
}

/// The members with these names that are texts or numbers, shortened.
pub(crate) fn picked(
    object: &Map<String, Value>,
    names: &[&'static str],
) -> Box<[(&'static str, Value)]> {
    let picked = names.iter().filter_map(|name| {
        let value = match object.get(*name)? {
            Value::String(text) => shortened(text).into_owned().into(),
            Value::Number(number) => number.clone().into(),
            _ => return None,
        };
        Some((*name, value))
    });
    picked.collect()
}

/// The scope of a token response, in either shape.
pub(crate) fn granted(answer: &Map<String, Value>) -> Option<u32> {
    let scope = answer.get("scope")?;
    let text = scope.as_str().or_else(|| scope.get(0)?.as_str());
    text?.parse().ok()
}

/// The code in the query of a redirect.
pub(crate) fn issued_code(location: &str) -> Option<String> {
    let (_, query) = location.split_once('?')?;
    let query = query.split('#').next().unwrap_or_default();
    let code = Params::from_urlencoded(query.as_bytes()).non_empty("code")?;
    Some(shortened(&code).into_owned())
}

/// The names of [`PARAMS`] that are in a query and not empty.
pub(crate) fn named_in(query: &str) -> Box<[&'static str]> {
    // Fast path: most queries have none of them.
    if !PARAMS.iter().any(|name| query.contains(name)) {
        return Box::default();
    }
    let params = Params::from_urlencoded(query.as_bytes());
    let named = PARAMS.into_iter();
    named
        .filter(|name| params.non_empty(name).is_some())
        .collect()
}

pub(crate) fn member<'a>(members: &'a [(&'static str, Value)], name: &str) -> Option<&'a Value> {
    let found = members.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| value)
}
