//! Sessions: list, delete, create.

use crate::control::consents::Deleted;
use crate::control::sessions::SessionList;
use crate::control::{ControlResult, NewSession, SessionCookie, SessionFilter};
use crate::control_api::input::{JsonBody, JsonOrQuery, Query};
use crate::control_api::operation::{
    Operation,
    OperationMethod::{Delete, Get, Post},
};
use crate::control_api::response::{Created, JsonResponse, OperationResult};
use crate::http::context::RequestContext;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Get, "/_mock/sessions", "list_sessions", "List the sessions", list_sessions).list(),
        Operation::new(Delete, "/_mock/sessions", "delete_sessions", "Delete the sessions of a user, or all sessions", delete_sessions),
        Operation::new(Post, "/_mock/sessions", "create_session", "Create a session for a user; returns its cookie", create_session),
    ]
}

async fn list_sessions(
    context: RequestContext,
    Query(filter): Query<SessionFilter>,
) -> OperationResult<SessionList> {
    Ok(JsonResponse(context.sandbox.list_sessions(&filter)?))
}

async fn delete_sessions(
    context: RequestContext,
    JsonOrQuery(filter): JsonOrQuery<SessionFilter>,
) -> OperationResult<Deleted> {
    Ok(JsonResponse(context.sandbox.delete_sessions(filter).await?))
}

async fn create_session(
    context: RequestContext,
    JsonBody(input): JsonBody<NewSession>,
) -> ControlResult<Created<SessionCookie>> {
    Ok(Created(context.sandbox.create_session(input).await?))
}
