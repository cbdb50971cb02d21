//! The actions of the page of faults.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::fault_form::{self, FIELDS};
use super::faults;
use super::form::Form;
use crate::control::{ControlError, Preset, is_preset_on};
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::Invalid;
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::status_line;
use crate::protocol::params::Params;
use crate::sandbox::faults::{Fault, FaultView};

/// Adds the fault of the form.
pub(super) fn add(state: &Arc<ServerState>, context: &RequestContext, params: &Params) -> Response {
    let fault = fault_form::read(params).map_err(ControlError::from);
    let added = fault.and_then(|fault| context.sandbox.add_fault(fault));
    match added {
        Ok(added) => {
            let effect = faults::effect(&added.definition.effect);
            let page = context.base.path(ConsolePage::Faults.path());
            status_line::redirect_with(&page, &format!("Fault {} added: {effect}", added.id))
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => {
            let form = Form::failed(FIELDS, params, error);
            faults::show(state, context, StatusCode::BAD_REQUEST, "", form)
        }
    }
}

/// Turns the fault of a preset on or off, as its switch says: pressed twice, it is as pressed once.
pub(super) async fn switch(
    context: &RequestContext,
    params: &Params,
) -> Result<String, ControlError> {
    let sandbox = &context.sandbox;
    let preset = Preset::named(params.text("name").unwrap_or_default().trim())?;
    let name = preset.name();
    let Some(definition) = preset.to_fault() else {
        sandbox.add_fault_preset(preset.into()).await?;
        return Ok(format!("Preset {name} applied"));
    };
    let is_on = |fault: &FaultView| is_preset_on(preset, std::slice::from_ref(fault));
    match params.text("on") {
        Some("true") => {
            let is_once = params.text("times") == Some("1");
            let fault = Fault {
                times: is_once.then_some(1),
                ..definition
            };
            let how = match sandbox.add_fault_unless(is_on, &fault)? {
                true if is_once => "turned on once",
                true => "turned on",
                false => "is on already",
            };
            Ok(format!("Fault {name} {how}"))
        }
        Some("false") => {
            for fault in sandbox.list_faults().faults.iter().filter(|one| is_on(one)) {
                match sandbox.delete_fault(&fault.id.to_string()) {
                    // Another call has deleted it meanwhile.
                    Ok(()) | Err(ControlError::NotFound(_)) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(format!("Fault {name} turned off"))
        }
        _ => {
            let error = Invalid::new("on", "neither true nor false");
            Err(error.with_hint("use the switches of the page").into())
        }
    }
}
