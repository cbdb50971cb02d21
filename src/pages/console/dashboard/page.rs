//! `GET /_mock`: the dashboard.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::row::{PATH, Row};
use super::search::SearchForm;
use crate::contract::Contract;
use crate::control::{
    ControlError, GrantFilter, JournalRequest, Preset, RequestQuery, describe_fault,
};
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::Invalid;
use crate::pages::assets;
use crate::pages::view::{Layout, NavItem, page};
use crate::sandbox::faults::FaultView;
use crate::store::StoreError;

/// The most requests on one page.
const MAX_REQUESTS: usize = 15;

/// The most tokens and codes in their list.
const MAX_TOKENS: usize = 8;

/// The most requests that are searched for one page. Requests of the console pages are not searched.
const MAX_SEARCHED: usize = 60;

/// The most bytes of HTML for the requests of one page, unless one alone is larger.
const MAX_BYTES: usize = 22_000;

/// The most sandboxes and faults that are listed.
const MAX_LISTED: usize = 20;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    layout: Layout,
    here: String,
    action: String,
    events: String,
    sandbox: String,
    /// Every contract, and whether it is in force.
    contracts: [(&'static str, bool); 3],
    problem: Option<String>,
    now: String,
    frozen: bool,
    search: SearchForm,
    /// The requests, as HTML.
    rows: Vec<String>,
    /// The message if there are no requests.
    nothing: Option<&'static str>,
    /// The link to older requests.
    older: Option<String>,
    total: u64,
    /// Memory of all journals.
    memory_used: String,
    memory_limit: String,
    presets: Vec<PresetRow>,
    faults: Vec<FaultRow>,
    tokens: Vec<TokenRow>,
    more_tokens: usize,
    more_faults: usize,
    sandboxes: Vec<SandboxRow>,
    more_sandboxes: usize,
}

struct PresetRow {
    name: &'static str,
    /// The label of the button.
    label: String,
    description: &'static str,
    on: bool,
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
    user: i64,
    scope: String,
    left: Option<i64>,
}

impl TokenRow {
    /// The remaining time, as text.
    fn left(&self) -> String {
        self.left.map(duration_text).unwrap_or_default()
    }
}

/// A number of seconds in its two largest units.
fn duration_text(seconds: i64) -> String {
    let (days, hours) = (seconds / 86_400, seconds % 86_400 / 3600);
    let (minutes, rest) = (seconds % 3600 / 60, seconds % 60);
    match (days, hours, minutes) {
        (1.., ..) => format!("{days} d {hours} h"),
        (_, 1.., _) => format!("{hours} h {minutes} min"),
        (_, _, 1..) => format!("{minutes} min {rest} s"),
        _ => format!("{rest} s"),
    }
}

/// A number of bytes in MB.
fn megabytes(bytes: usize) -> String {
    let tenths = bytes.div_ceil(100_000);
    format!("{}.{} MB", tenths / 10, tenths % 10)
}

struct SandboxRow {
    name: String,
    href: String,
    here: bool,
}

/// `GET /_mock`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let search = SearchForm::parse(query.as_deref().unwrap_or_default());
    show(&state, &context, search, StatusCode::OK, None).await
}

pub(crate) async fn show(
    state: &ServerState,
    context: &RequestContext,
    search: SearchForm,
    status: StatusCode,
    problem: Option<String>,
) -> Response {
    match dashboard(state, context, search, problem).await {
        Ok(dashboard) => page(status, &dashboard.layout, &dashboard),
        Err(error) => respond::failure(&error),
    }
}

async fn dashboard(
    state: &ServerState,
    context: &RequestContext,
    search: SearchForm,
    mut problem: Option<String>,
) -> Result<Dashboard, StoreError> {
    let (sandbox, base) = (&context.sandbox, &context.base);
    // Read before the journal: requests in between come by the event stream.
    let newest = sandbox.journal.newest();
    let found = match search.requests() {
        Ok(query) => sandbox.list_requests(query.limit(MAX_SEARCHED + 1)).await,
        Err(error) => Err(error.into()),
    };
    let mut nothing = Some(nothing_found(&search));
    let found = match found {
        Ok(found) => found,
        Err(ControlError::Store(error)) => return Err(error),
        Err(error) => {
            problem.get_or_insert_with(|| sentence(error));
            nothing = None;
            let none = sandbox.list_requests(RequestQuery::any().limit(0)).await;
            none.map_err(only_store)?
        }
    };
    let here = base.path(PATH);
    let faults = sandbox.list_faults().faults;
    let newest = found
        .requests
        .last()
        .map_or(newest, |one| one.id.max(newest));
    let (rows, last) = rows(&found.requests, &search, base);
    let older = last.map(|last| format!("{here}?{}", search.before(last)));
    let query = search.query();
    let (sandboxes, more_sandboxes) = sandboxes(state, context);
    let (tokens, more_tokens) = tokens(context)?;
    let clock = sandbox.show_clock();
    let memory = state.registry.journal_memory();
    Ok(Dashboard {
        layout: Layout::at(base, NavItem::Dashboard).with_script(base, &assets::LIVE),
        action: format!("{}?{query}", base.path("/_mock/dashboard")),
        events: format!("{}?{query}&after={newest}", base.path("/_mock/events")),
        sandbox: sandbox.name().to_owned(),
        contracts: Contract::ALL.map(|one| (one.name(), one == sandbox.settings().rules.contract)),
        problem,
        now: clock.now.to_string(),
        frozen: clock.frozen,
        search,
        nothing: nothing.filter(|_| rows.is_empty()),
        rows,
        older,
        total: found.counters.total,
        memory_used: megabytes(memory.used()),
        memory_limit: megabytes(memory.limit()),
        presets: Preset::ALL
            .iter()
            .map(|preset| preset_row(*preset, &faults))
            .collect(),
        faults: faults.iter().take(MAX_LISTED).map(fault_row).collect(),
        more_faults: faults.len().saturating_sub(MAX_LISTED),
        tokens,
        more_tokens,
        sandboxes,
        more_sandboxes,
        here,
    })
}

fn nothing_found(search: &SearchForm) -> &'static str {
    if search.is_narrow() {
        "No requests match these filters."
    } else {
        "No requests yet. Point your app at this server, or try the playground."
    }
}

/// The newest requests that fit on the page, and the id before which there are more.
fn rows(
    requests: &[JournalRequest],
    search: &SearchForm,
    base: &BaseUrl,
) -> (Vec<String>, Option<u64>) {
    let mut rendered: Vec<String> = Vec::new();
    let mut bytes = 0;
    let mut last = None;
    let newest_first = requests.iter().rev().enumerate();
    for (at, one) in newest_first {
        if at == MAX_SEARCHED {
            return (rendered, last);
        }
        if search.shows(one) {
            let Ok(row) = Row::new(one, base).render() else {
                continue;
            };
            bytes += row.len();
            let full = rendered.len() == MAX_REQUESTS || bytes > MAX_BYTES;
            if full && !rendered.is_empty() {
                return (rendered, last);
            }
            rendered.push(row);
        }
        last = Some(one.id);
    }
    (rendered, None)
}

fn preset_row(preset: Preset, faults: &[FaultView]) -> PresetRow {
    let fault = preset.to_fault();
    let (first, rest) = preset.name().split_at(1);
    PresetRow {
        name: preset.name(),
        label: first.to_uppercase() + &rest.replace('-', " "),
        description: preset.description(),
        on: fault.is_some_and(|fault| faults.iter().any(|one| one.definition == fault)),
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
fn tokens(context: &RequestContext) -> Result<(Vec<TokenRow>, usize), StoreError> {
    let sandbox = &context.sandbox;
    let codes = sandbox.list_codes(GrantFilter::all()).map_err(only_store)?;
    let tokens = sandbox
        .list_tokens(GrantFilter::all())
        .map_err(only_store)?;
    let codes = codes.codes.into_iter().map(|code| TokenRow {
        kind: "code",
        client: code.client_id.to_string(),
        user: code.user.0,
        scope: code.scope.to_string(),
        left: code.active.then_some(code.expires_in),
    });
    let tokens = tokens.tokens.into_iter().map(|token| TokenRow {
        kind: token.kind.name(),
        client: token.client_id.to_string(),
        user: token.user.0,
        scope: token.scope.to_string(),
        left: token.active.then_some(token.expires_in),
    });
    let mut all: Vec<TokenRow> = codes.chain(tokens).collect();
    let more = all.len().saturating_sub(MAX_TOKENS);
    all.truncate(MAX_TOKENS);
    Ok((all, more))
}

fn sandboxes(state: &ServerState, context: &RequestContext) -> (Vec<SandboxRow>, usize) {
    let listed = state.registry.list_sandboxes().sandboxes;
    let more = listed.len().saturating_sub(MAX_LISTED);
    let shown = listed.into_iter().take(MAX_LISTED).map(|one| SandboxRow {
        href: format!("{}{PATH}", one.path.trim_end_matches('/')),
        here: one.name == context.sandbox.name(),
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
            reason: sentence(other),
        },
    }
}

/// The error message.
pub(crate) fn sentence(error: ControlError) -> String {
    match error {
        ControlError::Invalid(error)
        | ControlError::NotFound(error)
        | ControlError::Conflict(error)
        | ControlError::Busy(error) => Invalid::to_string(&error),
        ControlError::Mismatch { differences, .. } => differences.join("; "),
        ControlError::Store(error) => error.to_string(),
    }
}
