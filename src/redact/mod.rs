//! Makes text and JSON of requests safe to show: secrets are replaced by `[redacted]`, and control characters are escaped.
//!
//! A secret is recognized by the name of its value (`names.rs`) or by its shape (`shapes.rs`), at any position: in JSON, in
//! JSON within a string, in a query within a query, percent-encoded in a path, or as the name of a parameter. Redaction runs
//! when an exchange is shown, when an error is created and when a request is logged; other requests do not wait for it.
//!
//! This is our own code, because crates for redaction mask fields of known types or match regular expressions; they do not
//! look into nested encodings or recognize misspelt names.

mod encoding;
#[cfg(test)]
mod forms;
mod members;
mod names;
mod pairs;
mod placeholder;
mod printable;
mod shapes;
#[cfg(test)]
mod tests;
mod text;
mod values;

use std::borrow::Cow;

use serde_json::Value;

pub(crate) use names::is_secret;
pub(crate) use placeholder::{REDACTED, shortened_secret};
#[cfg(feature = "cli")]
pub(crate) use printable::printable_lines;
pub(crate) use printable::{printable, printable_json};
use text::{Scan, redact_named_within, redact_sentences, redact_value, redact_within};

/// The value without its secrets.
pub(crate) fn redact(value: Value) -> Value {
    redact_value(value, Scan::default())
}

/// The message of an error, or a line of a log, without its secrets.
pub(crate) fn redact_message(text: &str) -> Cow<'_, str> {
    redact_sentences(text, Scan::default())
}

/// A value of unknown format without its secrets: a URL, JSON, a form, a token.
pub(crate) fn redact_text(text: &str) -> Cow<'_, str> {
    redact_within(text, Scan::default())
}

/// The value under this name without its secrets; `[redacted]` if the name is a secret's.
pub(crate) fn redact_named<'a>(name: &str, value: &'a str) -> Cow<'a, str> {
    redact_named_within(name, value, Scan::default())
}
