//! Sandboxes: create, list, delete.

use std::sync::Arc;

use axum::extract::{Path, State};

use crate::control::devices::Empty;
use crate::control::sandboxes::{CreatedSandbox, SandboxList};
use crate::control::{ControlResult, NewSandbox, SandboxInfo};
use crate::control_api::input::JsonBody;
use crate::control_api::operation::{
    Operation,
    OperationMethod::{Delete, Get, Post},
};
use crate::control_api::response::{Created, JsonResponse, OperationResult, done};
use crate::http::context::RequestContext;
use crate::http::state::ServerState;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Get, "/_mock/sandboxes", "list_sandboxes", "List the sandboxes", list_sandboxes).list(),
        Operation::new(Post, "/_mock/sandboxes", "create_sandbox", "Create a sandbox with its own seed and settings", create_sandbox),
        Operation::new(Get, "/_mock/sandboxes/{name}", "read_sandbox", "Read a sandbox", read_sandbox),
        Operation::new(Delete, "/_mock/sandboxes/{name}", "delete_sandbox", "Delete a sandbox with its data", delete_sandbox),
    ]
}

async fn list_sandboxes(State(state): State<Arc<ServerState>>) -> OperationResult<SandboxList> {
    Ok(JsonResponse(state.registry.list_sandboxes()))
}

async fn create_sandbox(
    State(state): State<Arc<ServerState>>,
    // The context comes first, so that the body is read after the sandbox of the path exists.
    _: RequestContext,
    JsonBody(input): JsonBody<NewSandbox>,
) -> ControlResult<Created<CreatedSandbox>> {
    Ok(Created(state.registry.create_sandbox(input).await?))
}

async fn read_sandbox(
    State(state): State<Arc<ServerState>>,
    Path(name): Path<String>,
) -> OperationResult<SandboxInfo> {
    Ok(JsonResponse(state.registry.read_sandbox(&name)?))
}

async fn delete_sandbox(
    State(state): State<Arc<ServerState>>,
    Path(name): Path<String>,
) -> OperationResult<Empty> {
    state.registry.delete_sandbox(&name).await?;
    Ok(done())
}
