//! `GET /_mock/snapshots`: the snapshots of the sandbox: take, restore, delete.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::form::Form;
use crate::control::ControlError;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::status_line;
use crate::pages::console::time_text::{ago, full_time};
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;

const FIELDS: &[&str] = &["name"];

#[derive(Template)]
#[template(path = "snapshots.html")]
struct SnapshotsPage {
    layout: ConsoleLayout,
    sandbox: String,
    snapshots: Vec<SnapshotRow>,
    form: Form,
}

struct SnapshotRow {
    name: String,
    taken_at: Timestamp,
    full_time: String,
    ago: String,
}

/// `GET /_mock/snapshots`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
) -> Response {
    show(&state, &context, StatusCode::OK, Form::new(FIELDS))
}

fn show(state: &ServerState, context: &RequestContext, status: StatusCode, form: Form) -> Response {
    let sandbox = &context.sandbox;
    let now = sandbox.now();
    let mut snapshots = sandbox.list_snapshots().snapshots;
    snapshots.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.taken_at));
    let row = |snapshot: crate::control::Snapshot| SnapshotRow {
        full_time: full_time(snapshot.taken_at),
        ago: ago(now, snapshot.taken_at),
        taken_at: snapshot.taken_at,
        name: snapshot.name,
    };
    let shown = SnapshotsPage {
        layout: ConsoleLayout::new(state, context, ConsolePage::Snapshots),
        sandbox: sandbox.name().to_owned(),
        snapshots: snapshots.into_iter().map(row).collect(),
        form,
    };
    console_page(status, &shown.layout, &shown)
}

/// Takes the snapshot of the form.
pub(super) async fn take(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Response {
    let name = params.text("name").unwrap_or_default().trim();
    match context.sandbox.take_snapshot(name).await {
        Ok(taken) => {
            let page = context.base.path(ConsolePage::Snapshots.path());
            status_line::redirect_with(&page, &format!("Snapshot {} taken", taken.name))
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => {
            let form = Form::failed(FIELDS, params, error);
            show(state, context, StatusCode::BAD_REQUEST, form)
        }
    }
}
