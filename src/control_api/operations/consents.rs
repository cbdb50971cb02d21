//! Consents and what apps spent within their budgets.

use crate::control::consents::{ConsentList, Deleted};
use crate::control::spends::{Reset, SpendList};
use crate::control::{ConsentView, GrantFilter, NewConsent, ResetBudgets};
use crate::control_api::input::{JsonBody, JsonOrQuery, Query};
use crate::control_api::operation::{
    Operation,
    OperationMethod::{Delete, Get, Post},
};
use crate::control_api::response::{JsonResponse, OperationResult};
use crate::http::context::RequestContext;

#[rustfmt::skip]
pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::new(Get, "/_mock/consents", "list_consents", "List the consents", list_consents).list(),
        Operation::new(Post, "/_mock/consents", "set_consent", "Set the consent of a user to a client", set_consent),
        Operation::new(Delete, "/_mock/consents", "delete_consents", "Delete consents", delete_consents),
        Operation::new(Get, "/_mock/spends", "list_spends", "List what apps have spent of users' buzz, and the state of their budgets", list_spends).list(),
        Operation::new(Delete, "/_mock/spends", "delete_spends", "Delete spends: budgets are free again, balances do not change", delete_spends),
        Operation::new(Post, "/_mock/spends/reset", "reset_budgets", "Reset a client's absolute budgets, as its user can", reset_budgets),
    ]
}

async fn list_consents(
    context: RequestContext,
    Query(filter): Query<GrantFilter>,
) -> OperationResult<ConsentList> {
    Ok(JsonResponse(context.sandbox.list_consents(filter)?))
}

async fn set_consent(
    context: RequestContext,
    JsonBody(input): JsonBody<NewConsent>,
) -> OperationResult<ConsentView> {
    Ok(JsonResponse(context.sandbox.set_consent(input).await?))
}

async fn delete_consents(
    context: RequestContext,
    JsonOrQuery(filter): JsonOrQuery<GrantFilter>,
) -> OperationResult<Deleted> {
    Ok(JsonResponse(context.sandbox.delete_consents(filter).await?))
}

async fn list_spends(
    context: RequestContext,
    Query(filter): Query<GrantFilter>,
) -> OperationResult<SpendList> {
    Ok(JsonResponse(context.sandbox.list_spends(filter).await?))
}

async fn delete_spends(
    context: RequestContext,
    JsonOrQuery(filter): JsonOrQuery<GrantFilter>,
) -> OperationResult<Deleted> {
    Ok(JsonResponse(context.sandbox.delete_spends(filter).await?))
}

async fn reset_budgets(
    context: RequestContext,
    JsonBody(input): JsonBody<ResetBudgets>,
) -> OperationResult<Reset> {
    Ok(JsonResponse(context.sandbox.reset_budgets(input).await?))
}
