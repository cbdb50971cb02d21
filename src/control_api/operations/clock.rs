//! The clock: read, advance, freeze, resume, set.

use crate::control::{AdvanceClock, ClockView, FreezeClock, SetClock};
use crate::control_api::input::JsonBody;
use crate::control_api::operation::{
    Operation,
    OperationMethod::{Get, Post},
};
use crate::control_api::response::{JsonResponse, OperationResult};
use crate::http::context::RequestContext;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Get, "/_mock/clock", "read_clock", "Read the clock", read_clock),
        Operation::new(Post, "/_mock/clock/advance", "advance_clock", "Advance the clock, or move it back", advance_clock),
        Operation::new(Post, "/_mock/clock/freeze", "freeze_clock", "Freeze the clock", freeze_clock),
        Operation::new(Post, "/_mock/clock/resume", "resume_clock", "Resume a frozen clock", resume_clock),
        Operation::new(Post, "/_mock/clock/set", "set_clock", "Set the clock", set_clock),
    ]
}

async fn read_clock(context: RequestContext) -> OperationResult<ClockView> {
    Ok(JsonResponse(context.sandbox.show_clock()))
}

async fn advance_clock(
    context: RequestContext,
    JsonBody(input): JsonBody<AdvanceClock>,
) -> OperationResult<ClockView> {
    Ok(JsonResponse(context.sandbox.advance_clock(input).await?))
}

async fn freeze_clock(
    context: RequestContext,
    JsonBody(input): JsonBody<FreezeClock>,
) -> OperationResult<ClockView> {
    Ok(JsonResponse(context.sandbox.freeze_clock(input).await?))
}

async fn resume_clock(context: RequestContext) -> OperationResult<ClockView> {
    Ok(JsonResponse(context.sandbox.resume_clock().await?))
}

async fn set_clock(
    context: RequestContext,
    JsonBody(input): JsonBody<SetClock>,
) -> OperationResult<ClockView> {
    Ok(JsonResponse(context.sandbox.set_clock(input).await?))
}
