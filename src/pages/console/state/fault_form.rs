//! The form for a fault of any kind.

use serde_json::{Map, Value, json};

use super::form::FormInput;
use crate::invalid::Invalid;
use crate::protocol::params::Params;
use crate::sandbox::faults::Fault;

pub(super) const FIELDS: &[&str] = &[
    "endpoint",
    "grant_type",
    "client_id",
    "user",
    "times",
    "nth",
    "skip",
    "probability",
    "effect.error",
    "effect.error_description",
    "effect.status",
    "effect.delay",
    "effect.body",
    "effect.headers",
    "effect.break",
];

/// The fault of a sent form.
pub(super) fn read(params: &Params) -> Result<Fault, Invalid> {
    let typed = |name| params.text(name).unwrap_or_default().trim();
    let mut input = FormInput::new(params).set("effect", Map::new());
    for name in FIELDS.iter().take_while(|name| **name != "effect.delay") {
        input = input.text_if_any(name);
    }
    input = match typed("effect.delay").split_once(" to ") {
        Some((min, max)) => input.set(
            "effect.delay",
            json!({ "min": min.trim(), "max": max.trim() }),
        ),
        None => input.text_if_any("effect.delay"),
    };
    let body = typed("effect.body");
    if !body.is_empty() {
        let json = serde_json::from_str(body).ok();
        let json = json.filter(|json: &Value| json.is_object() || json.is_array());
        input = input.set("effect.body", json.unwrap_or_else(|| body.into()));
    }
    if !typed("effect.headers").is_empty() {
        input = input.set("effect.headers", headers(typed("effect.headers"))?);
    }
    if !typed("effect.break").is_empty() {
        input = input.set(&format!("effect.{}", typed("effect.break")), true);
    }
    input.read()
}

/// Lines of the form `Name: value`.
fn headers(text: &str) -> Result<Map<String, Value>, Invalid> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let header = |line: &str| {
        let (name, value) = line.split_once(':').ok_or_else(|| {
            let error = Invalid::new("effect.headers", format!("{line:?} is not a header"));
            error.with_hint("write \"Retry-After: 5\", one per line")
        })?;
        Ok((name.trim().to_owned(), value.trim().into()))
    };
    lines.map(header).collect()
}
