//! Users: create, read, change, delete.

use axum::extract::Path;

use crate::control::devices::Empty;
use crate::control::{ControlResult, User, UserRef, UserSpec};
use crate::control_api::input::JsonBody;
use crate::control_api::operation::{
    Operation,
    OperationMethod::{Delete, Get, Patch, Post},
};
use crate::control_api::response::{Created, JsonResponse, OperationResult, done};
use crate::http::context::RequestContext;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Get, "/_mock/users", "list_users", "List the users", list_users).list(),
        Operation::new(Post, "/_mock/users", "create_user", "Create a user", create_user),
        Operation::new(Get, "/_mock/users/{id}", "read_user", "Read a user, by id or username", read_user),
        Operation::new(Patch, "/_mock/users/{id}", "update_user", "Update a user", update_user),
        Operation::new(Delete, "/_mock/users/{id}", "delete_user", "Delete a user with their tokens, codes, consents, spends and sessions", delete_user),
    ]
}

async fn list_users(context: RequestContext) -> OperationResult<Vec<User>> {
    Ok(JsonResponse(context.sandbox.list_users()))
}

async fn create_user(
    context: RequestContext,
    JsonBody(input): JsonBody<UserSpec>,
) -> ControlResult<Created<User>> {
    Ok(Created(context.sandbox.create_user(input).await?))
}

async fn read_user(context: RequestContext, Path(id): Path<String>) -> OperationResult<User> {
    Ok(JsonResponse(context.sandbox.read_user(&UserRef::from(id))?))
}

async fn update_user(
    context: RequestContext,
    Path(id): Path<String>,
    JsonBody(input): JsonBody<UserSpec>,
) -> OperationResult<User> {
    let user = UserRef::from(id);
    Ok(JsonResponse(
        context.sandbox.update_user(&user, input).await?,
    ))
}

async fn delete_user(context: RequestContext, Path(id): Path<String>) -> OperationResult<Empty> {
    context.sandbox.delete_user(&UserRef::from(id)).await?;
    Ok(done())
}
