//! `GET /_mock/sandboxes`: the sandboxes of the server: create, open, reset, delete.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Map;

use super::choices::ListPage;
use super::form::{Form, FormInput};
use crate::contract::Contract;
use crate::control::{ControlError, NewSandbox, SandboxInfo};
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::Invalid;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::status_line;
use crate::pages::console::time_text::duration;
use crate::protocol::params::Params;

const FIELDS: &[&str] = &["name", "settings.contract", "seed"];

#[derive(Template)]
#[template(path = "sandboxes.html")]
struct SandboxesPage {
    layout: ConsoleLayout,
    here: String,
    sandboxes: ListPage<SandboxRow>,
    form: Form,
    contracts: [&'static str; 3],
}

struct SandboxRow {
    name: String,
    base_url: String,
    href: String,
    last_used: Option<String>,
    is_current: bool,
    is_default: bool,
}

/// `GET /_mock/sandboxes`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    show(&state, &context, StatusCode::OK, &query, Form::new(FIELDS))
}

fn show(
    state: &ServerState,
    context: &RequestContext,
    status: StatusCode,
    query: &Params,
    form: Form,
) -> Response {
    let sandboxes = ListPage::new(state.registry.list_sandboxes().sandboxes, query);
    let shown = SandboxesPage {
        layout: ConsoleLayout::new(state, context, ConsolePage::Sandboxes),
        here: context.base.path(ConsolePage::Sandboxes.path()),
        sandboxes: sandboxes.map(|one| row(one, context)),
        form,
        contracts: Contract::ALL.map(Contract::name),
    };
    console_page(status, &shown.layout, &shown)
}

fn row(sandbox: SandboxInfo, context: &RequestContext) -> SandboxRow {
    let prefix = sandbox.path.trim_end_matches('/');
    SandboxRow {
        base_url: format!("{}{prefix}", context.base.origin()),
        href: format!("{prefix}{}", ConsolePage::Requests.path()),
        last_used: sandbox.idle.map(|idle| duration(idle.as_secs())),
        is_current: sandbox.name == context.sandbox.name(),
        is_default: sandbox.path == "/",
        name: sandbox.name,
    }
}

/// Creates the sandbox of the form.
pub(super) async fn create(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Response {
    let input = FormInput::new(params)
        .text("name")
        .text_if_any("seed")
        .set("settings", Map::new())
        .text_if_any("settings.contract");
    let created = match input.read::<NewSandbox>() {
        Ok(input) => state.registry.create_sandbox(input).await,
        Err(error) => Err(error.into()),
    };
    match created {
        Ok(created) => {
            let back = status_line::back(context, params);
            status_line::redirect_with(&back, &format!("Sandbox {} created", created.name))
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => {
            let form = Form::failed(FIELDS, params, error);
            show(
                state,
                context,
                StatusCode::BAD_REQUEST,
                &Params::none(),
                form,
            )
        }
    }
}

/// Resets a sandbox.
pub(super) async fn reset(state: &Arc<ServerState>, name: &str) -> Result<String, ControlError> {
    let found = state.registry.find(name).await?;
    let sandbox = found.ok_or_else(|| {
        let error = Invalid::new("name", format!("no sandbox {name:?}"));
        ControlError::NotFound(error)
    })?;
    sandbox.reset().await?;
    Ok(format!("Sandbox {name} was reset"))
}
