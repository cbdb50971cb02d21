//! `POST /_mock/actions`: the buttons of the console. Each calls one operation, and leads back to its page, whose status line
//! says what was done.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::time_text::{duration, time_of_day};
use super::{problem, state, status_line};
use crate::control::{ClockView, ControlError};
use crate::http::body::Form;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::{self, Invalid};
use crate::protocol::params::Params;

/// The action that clears the journal, which can be undone.
const CLEAR: &str = "delete-requests";

/// `POST /_mock/actions`.
pub(crate) async fn post(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    Form(params): Form,
) -> Response {
    if let Some(response) = state::submit(&state, &context, &params).await {
        return response;
    }
    let back = status_line::back(&context, &params);
    match perform(&state, &context, &params).await {
        Ok(done) if params.text("act") == Some(CLEAR) => {
            status_line::redirect_with_undo(&back, &done)
        }
        Ok(done) => status_line::redirect_with(&back, &done),
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => problem::page_with_back(&context, StatusCode::BAD_REQUEST, &error, back),
    }
}

/// The input of an operation, with one key and the typed text.
fn input<T: serde::de::DeserializeOwned>(key: &str, text: &str) -> Result<T, Invalid> {
    invalid::from_json(Value::Object(Map::from_iter([(
        key.to_owned(),
        text.into(),
    )])))
}

/// Performs an action. Returns what it has done.
async fn perform(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Result<String, ControlError> {
    let sandbox = &context.sandbox;
    let text = |name| params.text(name).unwrap_or_default().trim();
    Ok(match text("act") {
        "contract" => {
            let patch = input("contract", text("contract"))?;
            let settings = sandbox.update_settings(patch)?;
            format!("Contract: {}", settings.rules.contract)
        }
        "advance" => {
            let before = sandbox.show_clock();
            let after = sandbox.advance_clock(input("by", text("by"))?).await?;
            moved(&before, &after)
        }
        "real-time" => {
            sandbox.resume_clock().await?;
            let (now, system) = sandbox.clock.now_and_system();
            let by = format!("{}ms", system.0.saturating_sub(now.0));
            sandbox.advance_clock(input("by", &by)?).await?;
            "Clock set to real time".to_owned()
        }
        "freeze" => {
            let clock = sandbox.freeze_clock(invalid::from_json(json!({}))?).await?;
            format!("Clock frozen at {} UTC", time_of_day(clock.now))
        }
        "resume" => {
            sandbox.resume_clock().await?;
            "Clock resumed".to_owned()
        }
        CLEAR => {
            let count = sandbox.journal.kind_counts().all();
            sandbox.delete_requests_undoably();
            let noun = if count == 1 { "request" } else { "requests" };
            format!("{count} {noun} deleted")
        }
        "reset" => {
            sandbox.reset().await?;
            format!("Sandbox {} was reset", sandbox.name())
        }
        "undo-delete-requests" => {
            sandbox.undo_delete_requests()?;
            "The deleted requests are back".to_owned()
        }
        _ => state::perform(state, context, params).await?,
    })
}

/// How far the clock has moved, in words.
fn moved(before: &ClockView, after: &ClockView) -> String {
    let ms = after.now.0.saturating_sub(before.now.0);
    // Between the two, a running clock has gone on.
    let seconds = ms.unsigned_abs().saturating_add(20) / 1000;
    let direction = if ms < 0 { "back" } else { "ahead" };
    format!("Clock moved {} {direction}", duration(seconds))
}
