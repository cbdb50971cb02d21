//! `POST /_mock/dashboard`: the buttons of the dashboard. Each calls one operation and leads back to the page.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::page::{sentence, show};
use super::row::PATH;
use super::search::SearchForm;
use crate::control::{ControlError, ExpireTokens, Preset};
use crate::http::body::Form;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::{self, Invalid};
use crate::protocol::params::Params;

/// `POST /_mock/dashboard`.
pub(crate) async fn post(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
    Form(params): Form,
) -> Response {
    // The search stays.
    let search = SearchForm::parse(query.as_deref().unwrap_or_default());
    match perform(&state, &context, &params).await {
        Ok(()) => {
            let section = section(params.text("act").unwrap_or_default());
            let query = search.query();
            let mark = if query.is_empty() { "" } else { "?" };
            let here = context.base.path(PATH);
            respond::see_other(&format!("{here}{mark}{query}#{section}"))
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => {
            show(
                &state,
                &context,
                search,
                StatusCode::BAD_REQUEST,
                Some(sentence(error)),
            )
            .await
        }
    }
}

/// The section of the page that has the button.
fn section(act: &str) -> &'static str {
    match act {
        "contract" => "contract",
        "advance" | "freeze" | "resume" => "clock",
        "preset" | "delete-fault" => "faults",
        "expire" => "tokens",
        "make-sandbox" | "delete-sandbox" => "sandboxes",
        _ => "journal",
    }
}

/// The input of an operation, with one key and the typed text.
fn input<T: serde::de::DeserializeOwned>(key: &str, text: &str) -> Result<T, Invalid> {
    invalid::from_json(Value::Object(Map::from_iter([(
        key.to_owned(),
        text.into(),
    )])))
}

async fn perform(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Result<(), ControlError> {
    let sandbox = &context.sandbox;
    let text = |name| params.text(name).unwrap_or_default().trim();
    match text("act") {
        "contract" => {
            let patch = input("contract", text("contract"))?;
            sandbox.update_settings(patch).map(drop)
        }
        "advance" => sandbox
            .advance_clock(input("by", text("by"))?)
            .await
            .map(drop),
        "freeze" => sandbox
            .freeze_clock(invalid::from_json(json!({}))?)
            .await
            .map(drop),
        "resume" => sandbox.resume_clock().await.map(drop),
        "preset" => toggle(context, Preset::named(text("name"))?).await,
        "delete-fault" => sandbox.delete_fault(text("id")),
        "expire" => sandbox
            .expire_tokens(ExpireTokens::default())
            .await
            .map(drop),
        "delete-requests" => {
            sandbox.delete_requests();
            Ok(())
        }
        "reset" => Ok(sandbox.reset().await?),
        "make-sandbox" => {
            let made = state.registry.create_sandbox(input("name", text("name"))?);
            made.await.map(drop)
        }
        "delete-sandbox" => state.registry.delete_sandbox(text("name")).await,
        other => {
            let error = Invalid::new("act", format!("unknown action {other:?}"));
            Err(error.with_hint("use the buttons of the page").into())
        }
    }
}

/// Adds the fault of a preset, or deletes it if it exists.
async fn toggle(context: &RequestContext, preset: Preset) -> Result<(), ControlError> {
    let sandbox = &context.sandbox;
    let Some(definition) = preset.to_fault() else {
        return sandbox.add_fault_preset(preset.into()).await.map(drop);
    };
    let set = sandbox.list_faults().faults;
    let on: Vec<u64> = set
        .iter()
        .filter(|fault| fault.definition == definition)
        .map(|fault| fault.id)
        .collect();
    if on.is_empty() {
        sandbox.add_fault_preset(preset.into()).await?;
    }
    for id in on {
        sandbox.delete_fault(&id.to_string())?;
    }
    Ok(())
}
