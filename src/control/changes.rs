//! The changes of clock, faults and settings, each with the request after which it was made.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::sandbox::Sandbox;
use crate::sandbox::changes::Change;
use crate::sandbox::settings::Settings;

/// `{"changes":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct ChangeList {
    /// The newest 200 changes, oldest first.
    pub(crate) changes: Vec<Change>,
}

impl Sandbox {
    /// The changes since the sandbox was opened or reset, oldest first.
    pub(crate) fn list_changes(&self) -> ChangeList {
        ChangeList {
            changes: self.changes.list(),
        }
    }
}

/// The names and the new values of the settings that differ: `Contract: live; rate_limits: true`.
pub(super) fn describe_settings(before: &Settings, after: &Settings) -> Option<String> {
    let object = |settings: &Settings| match json!(settings) {
        Value::Object(object) => object,
        _ => Map::new(),
    };
    let (before, after) = (object(before), object(after));
    let mut changes = Vec::new();
    for (name, value) in &after {
        let old = before.get(name);
        if old == Some(value) {
            continue;
        }
        match (name.as_str(), old, value) {
            ("contract", ..) => changes.insert(0, format!("Contract: {}", plain(value))),
            ("differences", Some(Value::Object(old)), Value::Object(new)) => {
                let names = new
                    .keys()
                    .chain(old.keys().filter(|name| !new.contains_key(*name)));
                for name in names.filter(|name| old.get(*name) != new.get(*name)) {
                    let contract = new.get(name).map_or("as the contract".into(), plain);
                    changes.push(format!("Difference {name}: {contract}"));
                }
            }
            _ => changes.push(format!("{name}: {}", plain(value))),
        }
    }
    (!changes.is_empty()).then(|| changes.join("; "))
}

/// A text without quotation marks, and any other value as JSON.
fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
