//! `GET /_mock/playground`: the page of a run.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use tokio::sync::OwnedMutexGuard;

use super::observe;
use super::run::{PATH, PlaygroundRun, PlaygroundRuns};
use super::start::StartForm;
use super::view::{Go, RunView};
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use crate::http::{respond, session};
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::status_line;
use crate::protocol::params::Params;

/// The cookie with the id of the browser's run.
pub(crate) const COOKIE: &str = "mock-playground";

#[derive(Template)]
#[template(path = "playground.html")]
struct Playground {
    layout: ConsoleLayout,
    here: String,
    form: StartForm,
    account: String,
    faults: String,
    problem: Option<String>,
    run: Option<RunView>,
}

/// `GET /_mock/playground`, with the phase to show as `step`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    Extension(runs): Extension<Arc<PlaygroundRuns>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let mut run = current(&runs, &context).map(|(_, run)| run);
    if let Some(run) = &mut run {
        // The user may have approved a device in another tab. The steps are shown and not stored: a request of the app may be
        // under way, and stores them.
        observe::add_browser_steps(&context, run).await;
    }
    let params = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    show(&state, &context, run, params.text("step"), None)
}

/// The page, with the error of the sent form if there is one.
pub(crate) fn show(
    state: &ServerState,
    context: &RequestContext,
    run: Option<PlaygroundRun>,
    step: Option<&str>,
    problem: Option<(&Params, String)>,
) -> Response {
    let base = &context.base;
    let form = match &problem {
        Some((sent, _)) => StartForm::new(context, sent),
        None => StartForm::new(context, &Params::default()),
    };
    let status = match problem {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let shown = Playground {
        layout: ConsoleLayout::new(state, context, ConsolePage::Playground),
        here: base.path(PATH),
        form,
        account: base.path("/user/account"),
        faults: base.path(ConsolePage::Faults.path()),
        problem: problem.map(|(_, text)| text),
        run: run.map(|run| RunView::new(context, run, step)),
    };
    console_page(status, &shown.layout, &shown)
}

/// The run of the cookie, with its id.
pub(crate) fn current(
    runs: &PlaygroundRuns,
    context: &RequestContext,
) -> Option<(String, PlaygroundRun)> {
    session::cookies(&context.headers, COOKIE).find_map(|id| {
        let run = runs.find(&context.sandbox, &id)?;
        Some((id, run))
    })
}

/// The same for a request that changes the run: no other request does so meanwhile.
pub(crate) async fn current_in_turn(
    runs: &PlaygroundRuns,
    context: &RequestContext,
) -> Option<(OwnedMutexGuard<()>, String, PlaygroundRun)> {
    let (id, _) = current(runs, context)?;
    let turn = runs.turn(&context.sandbox, &id).await?;
    let (id, run) = current(runs, context)?;
    Some((turn, id, run))
}

/// Redirects to the next step on the page.
pub(crate) fn back(context: &RequestContext) -> Response {
    respond::see_other(&next(context))
}

/// Redirects to the next step, and reports what the last one did.
pub(crate) fn back_with(context: &RequestContext, done: &str) -> Response {
    status_line::redirect_with(&next(context), done)
}

fn next(context: &RequestContext) -> String {
    format!("{}#next", context.base.path(PATH))
}
