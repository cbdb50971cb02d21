//! Snapshots: take, list, restore, delete.

use axum::extract::Path;

use crate::control::devices::Empty;
use crate::control::snapshots::SnapshotList;
use crate::control::{ControlResult, Snapshot};
use crate::control_api::operation::{
    Operation,
    OperationMethod::{Delete, Get, Post},
};
use crate::control_api::response::{Created, JsonResponse, OperationResult, done};
use crate::http::context::RequestContext;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Get, "/_mock/snapshots", "list_snapshots", "List the snapshots", list_snapshots).list(),
        Operation::new(Get, "/_mock/snapshots/{name}", "read_snapshot", "Read a snapshot", read_snapshot),
        Operation::new(Post, "/_mock/snapshots/{name}", "take_snapshot", "Take a snapshot", take_snapshot),
        Operation::new(Delete, "/_mock/snapshots/{name}", "delete_snapshot", "Delete a snapshot", delete_snapshot),
        Operation::new(Post, "/_mock/snapshots/{name}/restore", "restore_snapshot", "Restore a snapshot", restore_snapshot),
    ]
}

async fn list_snapshots(context: RequestContext) -> OperationResult<SnapshotList> {
    Ok(JsonResponse(context.sandbox.list_snapshots()))
}

async fn read_snapshot(
    context: RequestContext,
    Path(name): Path<String>,
) -> OperationResult<Snapshot> {
    Ok(JsonResponse(context.sandbox.read_snapshot(&name)?))
}

async fn take_snapshot(
    context: RequestContext,
    Path(name): Path<String>,
) -> ControlResult<Created<Snapshot>> {
    Ok(Created(context.sandbox.take_snapshot(&name).await?))
}

async fn delete_snapshot(
    context: RequestContext,
    Path(name): Path<String>,
) -> OperationResult<Empty> {
    context.sandbox.delete_snapshot(&name).await?;
    Ok(done())
}

async fn restore_snapshot(
    context: RequestContext,
    Path(name): Path<String>,
) -> OperationResult<Empty> {
    context.sandbox.restore_snapshot(&name).await?;
    Ok(done())
}
