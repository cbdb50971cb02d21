//! `/_mock`: what has the app sent, why was it refused, and what stands here? What its buttons do is `acts.rs`, the
//! journal as it is drawn is `journal.rs`. Who may look is `control/guard.rs`.

pub(crate) mod acts;
mod journal;

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::assets;
use super::view::{Frame, Page, Place, page};
use crate::control::{ControlError, Preset, Requests, Whose};
use crate::invalid::Invalid;
use crate::oauth::extract::Context;
use crate::oauth::respond;
use crate::sandbox::faults::SetFault;
use crate::server::App;
use crate::store::StoreError;

pub(crate) use journal::events;
use journal::{Row, Search};

const PATH: &str = "/_mock";

/// So many exchanges are on one page, so many tokens and codes in their lists.
const EXCHANGES: usize = 15;
const TOKENS: usize = 8;

#[derive(Template)]
#[template(path = "dashboard.html")]
struct Dashboard {
    frame: Frame,
    here: String,
    action: String,
    events: String,
    sandbox: String,
    problem: Option<String>,
    now: String,
    frozen: bool,
    search: Search,
    rows: Vec<Row>,
    /// The page before, where there is one.
    older: Option<String>,
    total: u64,
    presets: Vec<PresetRow>,
    faults: Vec<FaultRow>,
    tokens: Vec<TokenRow>,
    more_tokens: usize,
    sandboxes: Vec<SandboxRow>,
}

struct PresetRow {
    name: &'static str,
    meaning: &'static str,
    on: bool,
}

struct FaultRow {
    id: u64,
    rule: String,
    struck: u64,
}

/// A token or a code.
struct TokenRow {
    kind: &'static str,
    client: String,
    user: i64,
    scope: String,
    left: Option<i64>,
}

struct SandboxRow {
    name: String,
    href: String,
    here: bool,
}

impl Page for Dashboard {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// `GET /_mock`.
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    context: Context,
    RawQuery(query): RawQuery,
) -> Response {
    let search = Search::of(query.as_deref().unwrap_or_default());
    show(&app, &context, search, StatusCode::OK, None).await
}

async fn show(
    app: &App,
    context: &Context,
    search: Search,
    status: StatusCode,
    problem: Option<String>,
) -> Response {
    match dashboard(app, context, search, problem).await {
        Ok(dashboard) => page(status, &dashboard),
        Err(why) => respond::failure(&why),
    }
}

async fn dashboard(
    app: &App,
    context: &Context,
    search: Search,
    mut problem: Option<String>,
) -> Result<Dashboard, StoreError> {
    let (sandbox, base) = (&context.sandbox, &context.base);
    // One more than is shown tells whether there is a page before.
    let found = match search.requests() {
        Ok(asked) => sandbox.list_requests(asked.limit(EXCHANGES + 1)).await,
        Err(wrong) => Err(wrong.into()),
    };
    let found = match found {
        Ok(found) => found,
        Err(ControlError::Store(why)) => return Err(why),
        Err(why) => {
            problem.get_or_insert_with(|| sentence(why));
            let nothing = sandbox.list_requests(Requests::any().limit(0)).await;
            nothing.map_err(only_store)?
        }
    };
    let here = base.path(PATH);
    let mut rows: Vec<Row> = found
        .requests
        .iter()
        .rev()
        .map(|one| Row::of(one, base))
        .collect();
    let older = (rows.len() > EXCHANGES).then(|| {
        rows.truncate(EXCHANGES);
        let last = rows.last().map(|row| row.id).unwrap_or_default();
        format!("{here}?{}", search.before(last))
    });
    let faults = sandbox.list_faults().faults;
    let (tokens, more_tokens) = tokens(context)?;
    let clock = sandbox.show_clock();
    Ok(Dashboard {
        frame: Frame::at(base, Place::Dashboard).with_script(base, &assets::LIVE),
        action: base.path("/_mock/dashboard"),
        events: format!("{}?{}", base.path("/_mock/events"), search.query()),
        sandbox: sandbox.name().to_owned(),
        problem,
        now: clock.now.to_string(),
        frozen: clock.frozen,
        search,
        rows,
        older,
        total: found.counters.total,
        presets: Preset::ALL
            .iter()
            .map(|preset| preset_row(*preset, &faults))
            .collect(),
        faults: faults.iter().map(fault_row).collect(),
        tokens,
        more_tokens,
        sandboxes: sandboxes(app, context),
        here,
    })
}

fn preset_row(preset: Preset, faults: &[SetFault]) -> PresetRow {
    let rule = preset.rule();
    PresetRow {
        name: preset.name(),
        meaning: preset.meaning(),
        on: rule.is_some_and(|rule| faults.iter().any(|fault| fault.rule == rule)),
    }
}

fn fault_row(fault: &SetFault) -> FaultRow {
    FaultRow {
        id: fault.id,
        rule: serde_json::to_string(&fault.rule).expect("a fault is JSON"),
        struck: fault.struck,
    }
}

/// The newest codes and tokens, and how many there are besides.
fn tokens(context: &Context) -> Result<(Vec<TokenRow>, usize), StoreError> {
    let sandbox = &context.sandbox;
    let codes = sandbox.list_codes(Whose::all()).map_err(only_store)?;
    let tokens = sandbox.list_tokens(Whose::all()).map_err(only_store)?;
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
    let more = all.len().saturating_sub(TOKENS);
    all.truncate(TOKENS);
    Ok((all, more))
}

fn sandboxes(app: &App, context: &Context) -> Vec<SandboxRow> {
    let listed = app.registry.list_sandboxes();
    let shown = listed.sandboxes.into_iter().map(|one| SandboxRow {
        href: format!("{}{PATH}", one.path.trim_end_matches('/')),
        here: one.name == context.sandbox.name(),
        name: one.name,
    });
    shown.collect()
}

/// A verb that was asked nothing wrong fails by the database alone.
fn only_store(why: ControlError) -> StoreError {
    match why {
        ControlError::Store(why) => why,
        other => StoreError::Damaged {
            what: "answer",
            why: sentence(other),
        },
    }
}

/// What is wrong, in a sentence.
fn sentence(why: ControlError) -> String {
    match why {
        ControlError::Invalid(why) | ControlError::NotFound(why) | ControlError::Conflict(why) => {
            Invalid::to_string(&why)
        }
        ControlError::Mismatch { differences, .. } => differences.join("; "),
        ControlError::Store(why) => why.to_string(),
    }
}
