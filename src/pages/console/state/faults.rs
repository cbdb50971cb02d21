//! `GET /_mock/faults`: presets as switches, the active faults, and a form for any other fault.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::choices::{self, Choice};
use super::fault_form::FIELDS;
use super::form::Form;
use crate::control::{Preset, is_over, is_preset_on, preset_of};
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use crate::model::user::UserRef;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;
use crate::protocol::params::Params;
use crate::redact::redact_text;
use crate::sandbox::Sandbox;
use crate::sandbox::faults::{Delay, Effect, Fault, FaultView};

/// The most faults that are listed.
const MAX_LISTED: usize = 100;

#[derive(Template)]
#[template(path = "faults.html")]
struct FaultsPage {
    layout: ConsoleLayout,
    here: String,
    presets: Vec<PresetRow>,
    /// How often a preset applies: the `times` of the query.
    times: String,
    faults: Vec<FaultRow>,
    more_faults: usize,
    form: Form,
    endpoints: Vec<Choice>,
    grants: Vec<Choice>,
    clients: Vec<Choice>,
    users: Vec<Choice>,
}

struct PresetRow {
    name: &'static str,
    label: String,
    description: String,
    /// None for a preset that adds no fault.
    is_on: Option<bool>,
}

struct FaultRow {
    id: u64,
    /// Its preset.
    preset: Option<&'static str>,
    effect: String,
    target: String,
    applied: String,
    /// Whether it has applied as often as it may.
    is_over: bool,
}

/// `GET /_mock/faults`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let times = query.text("times").unwrap_or_default();
    show(&state, &context, StatusCode::OK, times, Form::new(FIELDS))
}

/// The page with this form for another fault.
pub(super) fn show(
    state: &ServerState,
    context: &RequestContext,
    status: StatusCode,
    times: &str,
    form: Form,
) -> Response {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let faults = sandbox.list_faults().faults;
    let here = base.path(ConsolePage::Faults.path());
    let times = if times == "1" { "1" } else { "" };
    let back = match times {
        "" => here.clone(),
        times => format!("{here}?times={times}"),
    };
    let presets = Preset::ALL.iter();
    let shown = FaultsPage {
        layout: ConsoleLayout::new(state, context, ConsolePage::Faults).returning_to(back),
        here,
        presets: presets.map(|preset| preset_row(*preset, &faults)).collect(),
        times: times.to_owned(),
        more_faults: faults.len().saturating_sub(MAX_LISTED),
        faults: faults
            .iter()
            .rev()
            .take(MAX_LISTED)
            .map(|fault| fault_row(fault, sandbox))
            .collect(),
        form,
        endpoints: Choice::of_words(Endpoint::ALL.iter().map(|endpoint| endpoint.name())),
        grants: Choice::of_words(GrantType::ALL.iter().map(|grant| grant.name())),
        clients: choices::clients(sandbox),
        users: choices::users(sandbox),
    };
    console_page(status, &shown.layout, &shown)
}

fn preset_row(preset: Preset, faults: &[FaultView]) -> PresetRow {
    PresetRow {
        name: preset.name(),
        label: capitalized(&preset.name().replace('-', " ")),
        description: capitalized(preset.description()),
        is_on: preset.to_fault().map(|_| is_preset_on(preset, faults)),
    }
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    first.unwrap_or_default() + letters.as_str()
}

fn fault_row(fault: &FaultView, sandbox: &Sandbox) -> FaultRow {
    let definition = &fault.definition;
    FaultRow {
        id: fault.id,
        preset: preset_of(definition).map(Preset::name),
        effect: effect(&definition.effect),
        target: target(definition, sandbox),
        applied: applied(fault),
        is_over: is_over(fault),
    }
}

/// Which requests a fault applies to.
fn target(fault: &Fault, sandbox: &Sandbox) -> String {
    let mut parts = Vec::new();
    match (fault.endpoint, fault.grant_type) {
        (Some(endpoint), Some(grant)) => parts.push(format!("{endpoint}, {grant}")),
        (Some(endpoint), None) => parts.push(endpoint.to_string()),
        (None, Some(grant)) => parts.push(grant.to_string()),
        (None, None) => parts.push("every endpoint".to_owned()),
    }
    if let Some(id) = &fault.client_id {
        let client = sandbox.data().find_client(id);
        parts.push(client.map_or_else(|| id.clone(), |client| client.name.clone()));
    }
    if let Some(user) = &fault.user {
        let known = sandbox.data().find_user(user);
        let name = known.map_or_else(|| UserRef::to_string(user), |user| user.display_name());
        parts.push(format!("user {name}"));
    }
    if let Some(nth) = fault.nth {
        parts.push(format!("only request {nth}"));
    }
    if let Some(skip) = fault.skip {
        parts.push(format!("after {skip} requests"));
    }
    if let Some(chance) = fault.probability {
        parts.push(format!("probability {chance}"));
    }
    parts.join(", ")
}

/// What a fault does, without the secrets of its answer.
pub(super) fn effect(effect: &Effect) -> String {
    let mut parts = Vec::new();
    parts.extend(
        effect
            .error
            .as_deref()
            .map(|error| redact_text(error).into_owned()),
    );
    parts.extend(effect.status.map(|status| format!("status {status}")));
    parts.extend(effect.body.as_ref().map(|_| "a body of its own".to_owned()));
    match effect.headers.len() {
        0 => {}
        1 => parts.push("1 header".to_owned()),
        count => parts.push(format!("{count} headers")),
    }
    parts.extend(effect.delay.map(|delay| match delay {
        Delay::Fixed(length) => format!("delay {length}"),
        Delay::Between { min, max } => format!("delay {min} to {max}"),
    }));
    for (is_set, text) in [
        (effect.reset_connection, "connection reset"),
        (effect.truncate_body, "truncated body"),
        (effect.malformed_json, "malformed JSON"),
        (effect.slow_body, "slow body"),
        (effect.deny_consent, "user denies"),
    ] {
        if is_set {
            parts.push(text.to_owned());
        }
    }
    parts.join(", ")
}

fn applied(fault: &FaultView) -> String {
    match (fault.triggered, fault.definition.times) {
        (done, Some(times)) => format!("{done} of {times}"),
        (0, None) => "not yet".to_owned(),
        (1, None) => "once".to_owned(),
        (done, None) => format!("{done} times"),
    }
}
