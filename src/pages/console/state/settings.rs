//! `GET /_mock/settings`: every setting that can be changed at run time: the contract with its differences, sign-in, limits,
//! lifetimes, scopes.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::choices;
use super::form::{Form, FormInput, is_changed, opened_name};
use super::setting::{self, GROUPS, SettingKind, SettingRow};
use crate::contract::{Contract, DIFFERENCES};
use crate::control::{ControlError, SettingsPatch};
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::{self, Invalid};
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::{problem, status_line};
use crate::protocol::params::Params;
use crate::sandbox::Sandbox;
use crate::sandbox::settings::Settings;

/// The fields of all groups. Each group is a form of its own.
const FIELDS: &[&str] = &[
    "consent",
    "login",
    "unknown_clients",
    "rate_limits",
    "reason_headers",
    "access_token_seconds",
    "refresh_token_seconds",
    "code_seconds",
    "workflow_cost",
    "workflow_seconds",
    "scopes",
];

/// The group of the declared scopes, which has no rows.
const SCOPES: &str = "scopes";

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    layout: ConsoleLayout,
    contract_json: String,
    settings_json: String,
    groups: Vec<SettingGroup>,
    contracts: Vec<ContractRow>,
    overrides: usize,
    differences: Vec<DifferenceRow>,
    scopes: String,
    has_scopes: bool,
    /// The settings that are not the default.
    changed: usize,
    /// The form of the group with an error.
    failed: Option<(String, Form)>,
}

struct SettingGroup {
    name: &'static str,
    heading: &'static str,
    rows: Vec<SettingRow>,
}

struct ContractRow {
    value: &'static str,
    label: &'static str,
    is_current: bool,
}

/// A difference, and its sides: each has the contracts that answer alike.
struct DifferenceRow {
    name: &'static str,
    is_override: bool,
    sides: Vec<Side>,
}

/// A cell of the table.
pub(crate) struct Side {
    /// `{difference}={contract}`.
    pub(crate) choice: String,
    pub(crate) label: &'static str,
    pub(crate) answer: &'static str,
    pub(crate) since: &'static str,
    pub(crate) is_current: bool,
    /// Whether its answer is that of the side before.
    pub(crate) is_same: bool,
}

impl SettingsPage {
    /// The value of a row: as typed, if its form has failed.
    fn value<'a>(&'a self, group: &str, row: &'a SettingRow) -> &'a str {
        match self.failed_form(group) {
            Some(form) => form.value(row.setting.key),
            None => &row.value,
        }
    }

    /// The hidden fields with the values that the form of a group was opened with.
    fn opened(&self, group: &SettingGroup) -> Vec<(String, String)> {
        if let Some(form) = self.failed_form(group.name) {
            return form.opened_fields().to_vec();
        }
        let rows = group.rows.iter();
        rows.map(|row| (opened_name(row.setting.key), row.value.clone()))
            .collect()
    }

    fn failed_form(&self, group: &str) -> Option<&Form> {
        let failed = self.failed.as_ref().filter(|(name, _)| name == group);
        failed.map(|(_, form)| form)
    }

    fn error(&self, group: &str, key: &str) -> Option<String> {
        self.failed_form(group)?.error_at(key)
    }
}

/// `GET /_mock/settings`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
) -> Response {
    show(&state, &context, StatusCode::OK, None)
}

fn contract_label(contract: Contract) -> &'static str {
    match contract {
        Contract::Documented => "Documented",
        Contract::Live => "Live",
        Contract::Live2026_08 => "Live in 2026-08",
    }
}

fn show(
    state: &ServerState,
    context: &RequestContext,
    status: StatusCode,
    failed: Option<(String, Form)>,
) -> Response {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let settings = sandbox.settings();
    let json = setting::json(&settings);
    let users = choices::users(sandbox);
    let groups = GROUPS.iter().map(|(name, heading, rows)| SettingGroup {
        name,
        heading,
        rows: rows
            .iter()
            .map(|row| SettingRow::new(*row, &json, &users))
            .collect(),
    });
    let groups: Vec<SettingGroup> = groups.collect();
    let rows = groups.iter().flat_map(|group| &group.rows);
    let has_scopes = !settings.rules.declared_scopes.is_empty();
    let overrides = settings.rules.differences.len();
    let changed = rows.filter(|row| !row.is_default).count()
        + usize::from(settings.rules.contract != Contract::default())
        + overrides
        + usize::from(has_scopes);
    let shown = SettingsPage {
        layout: ConsoleLayout::new(state, context, ConsolePage::Settings),
        contract_json: base.path("/_mock/contract"),
        settings_json: base.path("/_mock/settings"),
        groups,
        contracts: Contract::ALL
            .iter()
            .map(|contract| ContractRow {
                value: contract.name(),
                label: contract_label(*contract),
                is_current: *contract == settings.rules.contract,
            })
            .collect(),
        overrides,
        differences: differences(&settings),
        scopes: scopes_text(&settings),
        has_scopes,
        changed,
        failed,
    };
    console_page(status, &shown.layout, &shown)
}

fn differences(settings: &Settings) -> Vec<DifferenceRow> {
    let rules = &settings.rules;
    let row = |info: &crate::contract::DifferenceInfo| {
        let current = rules.contract_untracked(info.difference);
        let mut before = None;
        let sides = Contract::ALL.iter().map(|contract| {
            let behavior = info.behavior(*contract);
            let is_same = before == Some(behavior.answer);
            before = Some(behavior.answer);
            Side {
                choice: format!("{}={}", info.difference, contract.name()),
                label: contract_label(*contract),
                answer: behavior.answer,
                since: behavior.since,
                is_current: *contract == current,
                is_same,
            }
        });
        DifferenceRow {
            name: info.difference.name(),
            is_override: rules.differences.contains_key(&info.difference),
            sides: sides.collect(),
        }
    };
    DIFFERENCES.iter().map(row).collect()
}

/// The declared scopes, one per line: value, name, label.
fn scopes_text(settings: &Settings) -> String {
    let lines = settings.rules.declared_scopes.iter().map(|bit| {
        let label = bit.label.as_deref().filter(|label| **label != *bit.name);
        let label = label.map(|label| format!(" {label}")).unwrap_or_default();
        format!("{} {}{label}", bit.value, bit.name)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Reads lines such as `536870912 NewScope Text on the consent page`.
fn scopes(text: &str) -> Result<Vec<Value>, Invalid> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let scope = |line: &str| {
        let mut words = line.splitn(3, char::is_whitespace);
        let (value, name, label) = (words.next(), words.next(), words.next());
        let (Some(value), Some(name)) = (value, name) else {
            let error = Invalid::new("scopes", format!("{line:?} has no name"));
            return Err(
                error.with_hint("write a power of two and a name, such as \"536870912 NewScope\"")
            );
        };
        let mut scope = json!({ "value": value, "name": name });
        if let Some(label) = label {
            scope["label"] = label.into();
        }
        Ok(scope)
    };
    lines.map(scope).collect()
}

/// Saves the form of a group.
pub(super) fn save(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Response {
    let group = params.text("group").unwrap_or_default();
    let before = setting::json(&context.sandbox.settings());
    let saved = patch(group, params)
        .map_err(ControlError::from)
        .and_then(|patch| context.sandbox.update_settings(patch));
    match saved {
        Ok(settings) => {
            let page = context.base.path(ConsolePage::Settings.path());
            let done = changes(&before, &setting::json(&settings));
            status_line::redirect_with(&page, &done)
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        // No form has this group.
        Err(error) if setting::group(group).is_none() && group != SCOPES => {
            problem::page(context, StatusCode::BAD_REQUEST, &error)
        }
        Err(error) => {
            let failed = Some((group.to_owned(), Form::failed(FIELDS, params, error)));
            show(state, context, StatusCode::BAD_REQUEST, failed)
        }
    }
}

fn patch(group: &str, params: &Params) -> Result<SettingsPatch, Invalid> {
    if group == SCOPES {
        if !is_changed(params, SCOPES) {
            return Ok(SettingsPatch::new());
        }
        let scopes = scopes(params.text("scopes").unwrap_or_default())?;
        return FormInput::new(params).set("scopes", scopes).read();
    }
    let Some(settings) = setting::group(group) else {
        let error = Invalid::new("group", format!("no group {group:?}"));
        return Err(error.with_hint("use the buttons of the page"));
    };
    let input = settings
        .iter()
        .fold(FormInput::new(params), |input, one| match one.kind {
            SettingKind::Switch => input.flag(one.key),
            SettingKind::User | SettingKind::SecondsOrContract => input.text_or_null(one.key),
            _ => input.text(one.key),
        });
    input.read()
}

/// What has changed, such as `Consent page: approve`.
fn changes(before: &Value, after: &Value) -> String {
    let empty = Map::new();
    let after = after.as_object().unwrap_or(&empty);
    let changed = after
        .iter()
        .filter(|(key, value)| before[key.as_str()] != **value);
    let texts: Vec<String> = changed
        .map(|(key, value)| {
            let label = setting::label(key).unwrap_or(key);
            match value {
                Value::String(text) => format!("{label}: {text}"),
                Value::Null => format!("{label}: none"),
                Value::Bool(true) => format!("{label}: on"),
                Value::Bool(false) => format!("{label}: off"),
                Value::Number(number) => format!("{label}: {number}"),
                _ => format!("{label} saved"),
            }
        })
        .collect();
    if texts.is_empty() {
        return "Nothing has changed".to_owned();
    }
    texts.join(", ")
}

/// Has a difference follow a contract: `{difference}={contract}`. That of the sandbox removes the override.
pub(super) fn choose_difference(sandbox: &Sandbox, choice: &str) -> Result<String, ControlError> {
    let (difference, contract) = choice.split_once('=').unwrap_or((choice, ""));
    let usual = sandbox.settings().rules.contract;
    let chosen = if contract == usual.name() {
        Value::Null
    } else {
        contract.into()
    };
    let input = json!({ "differences": { difference: chosen } });
    sandbox.update_settings(invalid::from_json(input)?)?;
    Ok(format!("{difference}: {contract}"))
}

/// Sets a setting, or with `all` every setting, to its default.
pub(super) fn reset(sandbox: &Sandbox, key: &str) -> Result<String, ControlError> {
    let settings = sandbox.settings();
    let defaults = setting::json(&Settings::default());
    let mut patch = Map::new();
    for (known, value) in defaults.as_object().into_iter().flatten() {
        if key == "all" || key == known {
            patch.insert(known.clone(), value.clone());
        }
    }
    if key == "all" || key == "differences" {
        let overrides = settings.rules.differences.keys();
        let none = overrides.map(|difference| (difference.to_string(), Value::Null));
        patch.insert("differences".to_owned(), Value::Object(none.collect()));
    }
    if key == "all" || key == "scopes" {
        patch.insert("scopes".to_owned(), json!([]));
    }
    if patch.is_empty() {
        let error = Invalid::new("key", format!("no setting {key:?}"));
        return Err(error.with_hint("use the buttons of the page").into());
    }
    sandbox.update_settings(invalid::from_json(Value::Object(patch))?)?;
    Ok(match setting::label(key) {
        Some(label) => format!("{label}: default"),
        None => "All settings have their defaults".to_owned(),
    })
}
