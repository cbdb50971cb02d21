//! Tokens and authorization codes: issue without a browser, list, introspect, expire, revoke.

use crate::control::codes::CodeList;
use crate::control::consents::Deleted;
use crate::control::tokens::{Expired, TokenList};
use crate::control::{
    ControlResult, ExpireTokens, GrantFilter, Introspection, IssuedCode, NewCode, NewTokens,
    TokenParam, TokenSelector, Tokens,
};
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
        Operation::new(Post, "/_mock/codes", "issue_code", "Issue an authorization code without a browser; the client's redirect URIs and scope ceiling are not checked", issue_code),
        Operation::new(Get, "/_mock/codes", "list_codes", "List the authorization codes that are not exchanged yet, newest first", list_codes).list(),
        Operation::new(Get, "/_mock/tokens", "list_tokens", "List the tokens, newest first", list_tokens).list(),
        Operation::new(Post, "/_mock/tokens", "issue_tokens", "Issue tokens; responds like /token; the client's scope ceiling is not checked", issue_tokens),
        Operation::new(Delete, "/_mock/tokens", "revoke_tokens", "Revoke a token, or delete the tokens of a user and a client, or all tokens", revoke_tokens),
        Operation::new(Post, "/_mock/tokens/introspect", "introspect_token", "Introspect a token", introspect_token),
        Operation::new(Post, "/_mock/tokens/expire", "expire_tokens", "Expire a token, or every access token", expire_tokens),
    ]
}

async fn issue_code(
    context: RequestContext,
    JsonBody(input): JsonBody<NewCode>,
) -> ControlResult<Created<IssuedCode>> {
    Ok(Created(context.sandbox.issue_code(input).await?))
}

async fn list_codes(
    context: RequestContext,
    Query(filter): Query<GrantFilter>,
) -> OperationResult<CodeList> {
    Ok(JsonResponse(context.sandbox.list_codes(filter)?))
}

async fn list_tokens(
    context: RequestContext,
    Query(filter): Query<GrantFilter>,
) -> OperationResult<TokenList> {
    Ok(JsonResponse(context.sandbox.list_tokens(filter)?))
}

async fn issue_tokens(
    context: RequestContext,
    JsonBody(input): JsonBody<NewTokens>,
) -> OperationResult<Tokens> {
    Ok(JsonResponse(context.sandbox.issue_tokens(input).await?))
}

async fn revoke_tokens(
    context: RequestContext,
    JsonOrQuery(input): JsonOrQuery<TokenSelector>,
) -> OperationResult<Deleted> {
    Ok(JsonResponse(context.sandbox.revoke_tokens(input).await?))
}

async fn introspect_token(
    context: RequestContext,
    JsonBody(input): JsonBody<TokenParam>,
) -> OperationResult<Introspection> {
    Ok(JsonResponse(context.sandbox.introspect_token(&input)))
}

async fn expire_tokens(
    context: RequestContext,
    JsonBody(input): JsonBody<ExpireTokens>,
) -> OperationResult<Expired> {
    Ok(JsonResponse(context.sandbox.expire_tokens(input).await?))
}
