//! Faults and presets: add, list, delete.

use axum::extract::Path;

use crate::control::devices::Empty;
use crate::control::faults::{FaultList, PresetOptions};
use crate::control::{AppliedPreset, ControlResult, Fault, FaultView, NewPresetFault, Preset};
use crate::control_api::input::JsonBody;
use crate::control_api::operation::{
    Operation,
    OperationMethod::{Delete, Get, Post},
};
use crate::control_api::response::{Created, JsonResponse, OperationResult, done};
use crate::http::context::RequestContext;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Get, "/_mock/faults", "list_faults", "List the faults", list_faults).list(),
        Operation::new(Post, "/_mock/faults", "add_fault", "Add a fault", add_fault),
        Operation::new(Delete, "/_mock/faults", "delete_faults", "Delete all faults", delete_faults),
        Operation::new(Get, "/_mock/faults/{id}", "read_fault", "Read a fault", read_fault),
        Operation::new(Delete, "/_mock/faults/{id}", "delete_fault", "Delete a fault", delete_fault),
        Operation::new(Post, "/_mock/faults/presets/{name}", "add_fault_preset", "Add a fault by the name of a preset", add_fault_preset),
    ]
}

async fn list_faults(context: RequestContext) -> OperationResult<FaultList> {
    Ok(JsonResponse(context.sandbox.list_faults()))
}

async fn add_fault(
    context: RequestContext,
    JsonBody(input): JsonBody<Fault>,
) -> ControlResult<Created<FaultView>> {
    Ok(Created(context.sandbox.add_fault(input)?))
}

async fn delete_faults(context: RequestContext) -> OperationResult<Empty> {
    context.sandbox.delete_faults();
    Ok(done())
}

async fn read_fault(context: RequestContext, Path(id): Path<String>) -> OperationResult<FaultView> {
    Ok(JsonResponse(context.sandbox.read_fault(&id)?))
}

async fn delete_fault(context: RequestContext, Path(id): Path<String>) -> OperationResult<Empty> {
    context.sandbox.delete_fault(&id)?;
    Ok(done())
}

async fn add_fault_preset(
    context: RequestContext,
    Path(name): Path<String>,
    JsonBody(options): JsonBody<PresetOptions>,
) -> ControlResult<Created<AppliedPreset>> {
    let preset = Preset::named(&name)?;
    let query = NewPresetFault { preset, options };
    Ok(Created(context.sandbox.add_fault_preset(query).await?))
}
