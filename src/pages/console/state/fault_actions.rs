//! The actions of the page of faults.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::fault_form::{self, FIELDS};
use super::faults;
use super::form::Form;
use crate::control::{ControlError, Preset, is_over, preset_of};
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::status_line;
use crate::protocol::params::Params;

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

/// Adds the fault of a preset, or deletes it if it is active.
pub(super) async fn toggle(
    context: &RequestContext,
    params: &Params,
) -> Result<String, ControlError> {
    let sandbox = &context.sandbox;
    let preset = Preset::named(params.text("name").unwrap_or_default().trim())?;
    let name = preset.name();
    if preset.to_fault().is_none() {
        sandbox.add_fault_preset(preset.into()).await?;
        return Ok(format!("Preset {name} applied"));
    }
    let set = sandbox.list_faults().faults;
    let of_preset = set
        .iter()
        .filter(|fault| preset_of(&fault.definition) == Some(preset));
    let on: Vec<u64> = of_preset
        .filter(|fault| !is_over(fault))
        .map(|fault| fault.id)
        .collect();
    if on.is_empty() {
        let is_once = params.text("times") == Some("1");
        let (fault, how) = if is_once {
            (preset.times(1), " once")
        } else {
            (preset.into(), "")
        };
        let added = sandbox.add_fault_preset(fault).await;
        return added.map(|_| format!("Fault {name} turned on{how}"));
    }
    for id in on {
        sandbox.delete_fault(&id.to_string())?;
    }
    Ok(format!("Fault {name} turned off"))
}
