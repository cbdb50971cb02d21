//! Clients: create, read, change, delete, and rotate their secrets.

use axum::extract::Path;

use crate::control::devices::Empty;
use crate::control::{Client, ClientSpec, ControlResult, NewClient, NewSecret};
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
        Operation::new(Get, "/_mock/clients", "list_clients", "List the clients", list_clients).list(),
        Operation::new(Post, "/_mock/clients", "create_client", "Create a client", create_client),
        Operation::new(Get, "/_mock/clients/{id}", "read_client", "Read a client", read_client),
        Operation::new(Patch, "/_mock/clients/{id}", "update_client", "Update a client", update_client),
        Operation::new(Delete, "/_mock/clients/{id}", "delete_client", "Delete a client with its tokens, codes, consents and spends", delete_client),
        Operation::new(Post, "/_mock/clients/{id}/rotate-secret", "rotate_secret", "Replace a client's secret; the new one is shown once", rotate_secret),
    ]
}

async fn list_clients(context: RequestContext) -> OperationResult<Vec<Client>> {
    Ok(JsonResponse(context.sandbox.list_clients()))
}

async fn create_client(
    context: RequestContext,
    JsonBody(NewClient(input)): JsonBody<NewClient>,
) -> ControlResult<Created<Client>> {
    Ok(Created(context.sandbox.create_client(input).await?))
}

async fn read_client(context: RequestContext, Path(id): Path<String>) -> OperationResult<Client> {
    Ok(JsonResponse(context.sandbox.read_client(&id)?))
}

async fn update_client(
    context: RequestContext,
    Path(id): Path<String>,
    JsonBody(input): JsonBody<ClientSpec>,
) -> OperationResult<Client> {
    Ok(JsonResponse(
        context.sandbox.update_client(&id, input).await?,
    ))
}

async fn delete_client(context: RequestContext, Path(id): Path<String>) -> OperationResult<Empty> {
    context.sandbox.delete_client(&id).await?;
    Ok(done())
}

async fn rotate_secret(
    context: RequestContext,
    Path(id): Path<String>,
) -> OperationResult<NewSecret> {
    Ok(JsonResponse(context.sandbox.rotate_secret(&id).await?))
}
