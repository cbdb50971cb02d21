//! `GET /_mock/state`: faults, tokens and sandboxes, with their buttons.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{ConsoleLayout, console_page};
use super::navigation::ConsolePage;
use super::time_text::duration;
use crate::control::{ControlError, GrantFilter, Preset, describe_fault};
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::model::user::UserRef;
use crate::sandbox::Sandbox;
use crate::sandbox::faults::FaultView;
use crate::store::StoreError;

/// The most tokens and codes in their list.
const MAX_TOKENS: usize = 50;

/// The most sandboxes and faults that are listed.
const MAX_LISTED: usize = 50;

#[derive(Template)]
#[template(path = "state.html")]
struct StatePage {
    layout: ConsoleLayout,
    sandbox: String,
    presets: Vec<PresetRow>,
    faults: Vec<FaultRow>,
    more_faults: usize,
    tokens: Vec<TokenRow>,
    more_tokens: usize,
    sandboxes: Vec<SandboxRow>,
    more_sandboxes: usize,
}

struct PresetRow {
    name: &'static str,
    label: String,
    description: &'static str,
    /// None for a preset that adds no fault.
    is_on: Option<bool>,
}

struct FaultRow {
    id: u64,
    description: String,
    times_applied: u64,
}

/// A token or a code.
struct TokenRow {
    kind: &'static str,
    client: String,
    client_id: String,
    user: String,
    scope: String,
    /// Seconds until it expires.
    left: Option<i64>,
}

impl TokenRow {
    /// The remaining time, as text.
    fn left(&self) -> String {
        let seconds = self.left.and_then(|left| u64::try_from(left).ok());
        seconds.map(duration).unwrap_or_default()
    }
}

struct SandboxRow {
    name: String,
    href: String,
    is_current: bool,
    can_delete: bool,
}

/// `GET /_mock/state`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
) -> Response {
    match state_page(&state, &context) {
        Ok(shown) => console_page(StatusCode::OK, &shown.layout, &shown),
        Err(error) => respond::failure(&error),
    }
}

fn state_page(state: &ServerState, context: &RequestContext) -> Result<StatePage, StoreError> {
    let sandbox = &context.sandbox;
    let faults = sandbox.list_faults().faults;
    let (sandboxes, more_sandboxes) = sandboxes(state, context);
    let (tokens, more_tokens) = tokens(sandbox)?;
    Ok(StatePage {
        layout: ConsoleLayout::new(state, context, ConsolePage::Faults),
        sandbox: sandbox.name().to_owned(),
        presets: Preset::ALL
            .iter()
            .map(|preset| preset_row(*preset, &faults))
            .collect(),
        more_faults: faults.len().saturating_sub(MAX_LISTED),
        faults: faults.iter().take(MAX_LISTED).map(fault_row).collect(),
        tokens,
        more_tokens,
        sandboxes,
        more_sandboxes,
    })
}

fn preset_row(preset: Preset, faults: &[FaultView]) -> PresetRow {
    let fault = preset.to_fault();
    let (first, rest) = preset.name().split_at(1);
    PresetRow {
        name: preset.name(),
        label: first.to_uppercase() + &rest.replace('-', " "),
        description: preset.description(),
        is_on: fault.map(|fault| faults.iter().any(|one| one.definition == fault)),
    }
}

fn fault_row(fault: &FaultView) -> FaultRow {
    FaultRow {
        id: fault.id,
        description: describe_fault(&fault.definition),
        times_applied: fault.triggered,
    }
}

/// The newest codes and tokens, and the number of further ones.
fn tokens(sandbox: &Sandbox) -> Result<(Vec<TokenRow>, usize), StoreError> {
    let codes = sandbox.list_codes(GrantFilter::all()).map_err(only_store)?;
    let tokens = sandbox
        .list_tokens(GrantFilter::all())
        .map_err(only_store)?;
    let row = |kind, client_id: String, user: i64, scope: String, left| {
        let client = sandbox.data().find_client(&client_id);
        let known = sandbox.data().find_user(&UserRef::Id(user));
        TokenRow {
            kind,
            client: client.map_or_else(|| client_id.clone(), |client| client.name.clone()),
            client_id,
            user: known.map_or_else(|| format!("user {user}"), |user| user.display_name()),
            scope,
            left,
        }
    };
    let all = codes.codes.len() + tokens.tokens.len();
    let codes = codes.codes.into_iter().map(|code| {
        let left = code.active.then_some(code.expires_in);
        let client = code.client_id.to_string();
        row("code", client, code.user.0, code.scope.to_string(), left)
    });
    let tokens = tokens.tokens.into_iter().map(|token| {
        let left = token.active.then_some(token.expires_in);
        let client = token.client_id.to_string();
        row(
            token.kind.name(),
            client,
            token.user.0,
            token.scope.to_string(),
            left,
        )
    });
    let shown = codes.chain(tokens).take(MAX_TOKENS).collect();
    Ok((shown, all.saturating_sub(MAX_TOKENS)))
}

fn sandboxes(state: &ServerState, context: &RequestContext) -> (Vec<SandboxRow>, usize) {
    let listed = state.registry.list_sandboxes().sandboxes;
    let more = listed.len().saturating_sub(MAX_LISTED);
    let shown = listed.into_iter().take(MAX_LISTED).map(|one| SandboxRow {
        href: format!("{}/_mock", one.path.trim_end_matches('/')),
        is_current: one.name == context.sandbox.name(),
        can_delete: one.name != context.sandbox.name() && one.path != "/",
        name: one.name,
    });
    (shown.collect(), more)
}

/// An operation without input can only fail because of the database.
fn only_store(error: ControlError) -> StoreError {
    match error {
        ControlError::Store(error) => error,
        other => StoreError::Damaged {
            what: "answer",
            reason: other.to_string(),
        },
    }
}
