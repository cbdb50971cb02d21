//! Devices: approve and deny by user code.

use crate::control::devices::Empty;
use crate::control::{Approval, Denial};
use crate::control_api::input::JsonBody;
use crate::control_api::operation::{Operation, OperationMethod::Post};
use crate::control_api::response::{JsonResponse, OperationResult};
use crate::http::context::RequestContext;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Post, "/_mock/device/approve", "approve_device", "Approve a device as a user", approve_device),
        Operation::new(Post, "/_mock/device/deny", "deny_device", "Deny a device", deny_device),
    ]
}

async fn approve_device(
    context: RequestContext,
    JsonBody(input): JsonBody<Approval>,
) -> OperationResult<Empty> {
    Ok(JsonResponse(context.sandbox.approve_device(input).await?))
}

async fn deny_device(
    context: RequestContext,
    JsonBody(input): JsonBody<Denial>,
) -> OperationResult<Empty> {
    Ok(JsonResponse(context.sandbox.deny_device(input).await?))
}
