//! Settings, the contract in force and resets.

use crate::control::devices::Empty;
use crate::control::{ContractView, Settings, SettingsPatch};
use crate::control_api::input::JsonBody;
use crate::control_api::operation::{
    Operation,
    OperationMethod::{Get, Patch, Post},
};
use crate::control_api::response::{JsonResponse, OperationResult, done};
use crate::http::context::RequestContext;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Post, "/_mock/reset", "reset", "Reset the sandbox to its seed and start-up settings", reset),
        Operation::new(Get, "/_mock/settings", "read_settings", "Read the settings", read_settings),
        Operation::new(Patch, "/_mock/settings", "update_settings", "Update some settings", update_settings),
        Operation::new(Get, "/_mock/contract", "read_contract", "Read the contract in force, with each difference", read_contract),
    ]
}

async fn reset(context: RequestContext) -> OperationResult<Empty> {
    context.sandbox.reset().await?;
    Ok(done())
}

async fn read_settings(context: RequestContext) -> OperationResult<Settings> {
    Ok(JsonResponse((*context.sandbox.settings()).clone()))
}

async fn update_settings(
    context: RequestContext,
    JsonBody(input): JsonBody<SettingsPatch>,
) -> OperationResult<Settings> {
    Ok(JsonResponse(context.sandbox.update_settings(input)?))
}

async fn read_contract(context: RequestContext) -> OperationResult<ContractView> {
    Ok(JsonResponse(context.sandbox.show_contract()))
}
