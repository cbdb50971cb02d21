//! The settings that the page has a row for: their labels, their groups and their defaults.

use serde_json::Value;

use super::choices::Choice;
use crate::pages::console::time_text::duration;
use crate::sandbox::settings::Settings;

/// What kind of field a setting has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SettingKind {
    /// One of these values, each with its label.
    Choice(&'static [(&'static str, &'static str)]),
    /// A user, or none.
    User,
    /// On or off.
    Switch,
    /// A number of seconds, or a length such as `1h`.
    Seconds,
    /// The same; empty for that of the contract.
    SecondsOrContract,
    /// A whole number.
    Number,
}

/// A setting of the page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    pub(crate) key: &'static str,
    pub(crate) label: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: SettingKind,
}

/// The groups: their name in the form, their heading, and their settings.
pub(super) const GROUPS: [(&str, &str, &[Setting]); 2] = [
    (
        "sign-in",
        "Sign-in and limits",
        &[
            Setting {
                key: "consent",
                label: "Consent page",
                help: "Show it, or answer it automatically",
                kind: SettingKind::Choice(&[
                    ("ask", "Show the page"),
                    ("approve", "Approve"),
                    ("deny", "Deny"),
                ]),
            },
            Setting {
                key: "login",
                label: "Sign-in page",
                help: "Show it, or sign in every browser as one user",
                kind: SettingKind::User,
            },
            Setting {
                key: "unknown_clients",
                label: "Unknown clients",
                help: "Refuse them, or register each on its first request",
                kind: SettingKind::Choice(&[("refuse", "Refuse"), ("register", "Register")]),
            },
            Setting {
                key: "rate_limits",
                label: "Rate limits",
                help: "Enforce Civitai’s rate limits",
                kind: SettingKind::Switch,
            },
            Setting {
                key: "reason_headers",
                label: "Reason headers",
                help: "Refused responses have X-Mock-Reason and X-Mock-Request",
                kind: SettingKind::Switch,
            },
        ],
    ),
    (
        "lifetimes",
        "Lifetimes and workflows",
        &[
            Setting {
                key: "access_token_seconds",
                label: "Access tokens",
                help: "Lifetime of those issued from now on",
                kind: SettingKind::Seconds,
            },
            Setting {
                key: "refresh_token_seconds",
                label: "Refresh tokens",
                help: "Lifetime of those issued from now on",
                kind: SettingKind::Seconds,
            },
            Setting {
                key: "code_seconds",
                label: "Authorization codes",
                help: "Lifetime; empty: that of the contract",
                kind: SettingKind::SecondsOrContract,
            },
            Setting {
                key: "workflow_cost",
                label: "Workflow cost",
                help: "In Buzz, if the request names no cost",
                kind: SettingKind::Number,
            },
            Setting {
                key: "workflow_seconds",
                label: "Workflow duration",
                help: "0: workflows finish at once",
                kind: SettingKind::Seconds,
            },
        ],
    ),
];

/// The settings of a group.
pub(super) fn group(name: &str) -> Option<&'static [Setting]> {
    let found = GROUPS.iter().find(|(known, _, _)| *known == name);
    found.map(|(_, _, settings)| *settings)
}

/// Every key that the page can reset, with its label.
pub(super) fn label(key: &str) -> Option<&'static str> {
    let settings = GROUPS.iter().flat_map(|(_, _, settings)| settings.iter());
    let mut labels = settings.map(|setting| (setting.key, setting.label)).chain([
        ("contract", "Contract"),
        ("differences", "Differences"),
        ("scopes", "Scopes"),
    ]);
    labels
        .find(|(known, _)| *known == key)
        .map(|(_, label)| label)
}

/// A row of the page.
pub(crate) struct SettingRow {
    pub(crate) setting: Setting,
    /// The value in the form.
    pub(crate) value: String,
    pub(crate) default: String,
    pub(crate) is_default: bool,
    pub(crate) choices: Vec<Choice>,
}

impl SettingRow {
    pub(super) fn new(setting: Setting, settings: &Value, users: &[Choice]) -> Self {
        let defaults = json(&Settings::default());
        let (value, default) = (&settings[setting.key], &defaults[setting.key]);
        let choices = match setting.kind {
            SettingKind::Choice(choices) => choices
                .iter()
                .map(|(value, label)| Choice::new(*value, *label))
                .collect(),
            SettingKind::User => {
                let none = Choice::new("", "Show the page");
                std::iter::once(none).chain(users.iter().cloned()).collect()
            }
            _ => Vec::new(),
        };
        let value_text = typed(setting.kind, value);
        let mut row = Self {
            default: default_text(setting.kind, default, &choices),
            is_default: value == default,
            value: value_text,
            choices,
            setting,
        };
        // A user of another spelling, or of a long list.
        if setting.kind == SettingKind::User && !row.is_offered() {
            row.choices.push(Choice::new(&*row.value, &*row.value));
        }
        row
    }

    fn is_offered(&self) -> bool {
        self.choices.iter().any(|choice| choice.value == self.value)
    }

    pub(crate) fn is_switch(&self) -> bool {
        self.setting.kind == SettingKind::Switch
    }

    pub(crate) fn is_number(&self) -> bool {
        self.setting.kind == SettingKind::Number
    }
}

/// Settings as `GET /_mock/settings` shows them.
pub(super) fn json(settings: &Settings) -> Value {
    serde_json::to_value(settings).unwrap_or_default()
}

/// The value as a user would type it.
fn typed(kind: SettingKind, value: &Value) -> String {
    match (kind, value) {
        (_, Value::Null | Value::Bool(false)) => String::new(),
        (SettingKind::Seconds | SettingKind::SecondsOrContract, value) => {
            length(value.as_u64().unwrap_or_default())
        }
        (_, Value::String(text)) => text.clone(),
        (_, other) => other.to_string(),
    }
}

/// A number of seconds in the largest unit that it is a whole number of: `1h`, `90s`.
fn length(seconds: u64) -> String {
    let units = [(86_400, "d"), (3600, "h"), (60, "m")];
    let unit = units
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    match unit {
        Some((unit, name)) => format!("{}{name}", seconds / unit),
        None => format!("{seconds}s"),
    }
}

fn default_text(kind: SettingKind, default: &Value, choices: &[Choice]) -> String {
    let value = typed(kind, default);
    match kind {
        SettingKind::Switch if value.is_empty() => "off".to_owned(),
        SettingKind::Switch => "on".to_owned(),
        SettingKind::SecondsOrContract => "that of the contract".to_owned(),
        SettingKind::Seconds => duration(default.as_u64().unwrap_or_default()),
        _ => {
            let chosen = choices.iter().find(|choice| choice.value == value);
            chosen.map_or(value, |choice| choice.label.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::SettingsPatch;

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (90, "90s"),
            (3600, "1h"),
            (172_800, "2d"),
        ] {
            assert_eq!(length(seconds), text);
        }
    }

    #[test]
    fn page_has_every_setting() {
        let settings = json(&Settings::default().patched(SettingsPatch::new()));
        let keys = settings.as_object().expect("an object").keys();
        let missing: Vec<&String> = keys.filter(|key| label(key).is_none()).collect();
        assert_eq!(missing, [""; 0]);
    }
}
