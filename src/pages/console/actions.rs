//! `POST /_mock/actions`: the buttons of the console. Each calls one operation, and leads back to its page, whose status line
//! says what was done.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::time_text::{duration, time_of_day};
use super::{problem, status_line};
use crate::control::{ClockView, ControlError, ExpireTokens, Preset};
use crate::http::body::Form;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::{self, Invalid};
use crate::protocol::params::Params;

/// `POST /_mock/actions`.
pub(crate) async fn post(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    Form(params): Form,
) -> Response {
    let back = params.text("back").unwrap_or_default();
    let back = match back {
        "" => context.base.path("/_mock"),
        back => context.base.return_path(back),
    };
    match perform(&state, &context, &params).await {
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
#[expect(clippy::too_many_lines, reason = "one short arm for each action")]
async fn perform(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Result<String, ControlError> {
    let sandbox = &context.sandbox;
    let text = |name| params.text(name).unwrap_or_default().trim();
    let name = text("name");
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
        "preset" => toggle(context, Preset::named(name)?).await?,
        "delete-fault" => {
            sandbox.delete_fault(text("id"))?;
            format!("Fault {} deleted", text("id"))
        }
        "expire" => {
            sandbox.expire_tokens(ExpireTokens::default()).await?;
            "All access tokens have expired".to_owned()
        }
        "delete-requests" => {
            let count = sandbox.journal.kind_counts().all();
            sandbox.delete_requests();
            let noun = if count == 1 { "request" } else { "requests" };
            format!("{count} {noun} deleted")
        }
        "reset" => {
            sandbox.reset().await?;
            format!("Sandbox {} was reset", sandbox.name())
        }
        "make-sandbox" => {
            let made = state.registry.create_sandbox(input("name", name)?).await?;
            format!("Sandbox {} created", made.name)
        }
        "delete-sandbox" => {
            state.registry.delete_sandbox(name).await?;
            format!("Sandbox {name} deleted")
        }
        other => {
            let error = Invalid::new("act", format!("unknown action {other:?}"));
            return Err(error.with_hint("use the buttons of the page").into());
        }
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

/// Adds the fault of a preset, or deletes it if it exists.
async fn toggle(context: &RequestContext, preset: Preset) -> Result<String, ControlError> {
    let sandbox = &context.sandbox;
    let name = preset.name();
    let Some(definition) = preset.to_fault() else {
        sandbox.add_fault_preset(preset.into()).await?;
        return Ok(format!("Preset {name} applied"));
    };
    let set = sandbox.list_faults().faults;
    let on: Vec<u64> = set
        .iter()
        .filter(|fault| fault.definition == definition)
        .map(|fault| fault.id)
        .collect();
    if on.is_empty() {
        let added = sandbox.add_fault_preset(preset.into()).await;
        return added.map(|_| format!("Fault {name} turned on"));
    }
    for id in on {
        sandbox.delete_fault(&id.to_string())?;
    }
    Ok(format!("Fault {name} turned off"))
}
