//! The refresh grant (RFC 6749 §6): the token is rotated. The old one is invalid immediately, old access tokens stay
//! valid. The ceiling is not checked again.

use crate::contract::Difference;
use crate::http::context::RequestContext;
use crate::model::client::Client;
use crate::model::token::{Token, TokenKind};
use crate::oauth::issue::{IssuedTokens, TokenPermission, issue_tokens};
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::error::OAuthError;
use crate::protocol::scope::Scope;
use crate::protocol::token_request::RefreshRequest;

/// Exchanges a refresh token for new tokens.
pub(super) async fn refresh(
    context: &RequestContext,
    client: &Client,
    request: &RefreshRequest,
) -> Result<IssuedTokens, OAuthError> {
    let sandbox = &context.sandbox;
    let hash = request.token.hash();
    let unknown = || OAuthError::invalid_grant("Invalid grant: refresh token is invalid");
    let found = sandbox.data().find_token(&hash);
    let token = found
        .filter(|token| token.kind == TokenKind::Refresh && token.is_unexpired(sandbox.now()))
        .ok_or_else(unknown)?;
    context.notes.user(token.user_id);
    if token.client_id != client.id {
        return Err(OAuthError::invalid_grant(
            "Invalid grant: refresh token was issued to another client",
        ));
    }
    let permission = TokenPermission {
        client_id: client.id.clone(),
        user_id: token.user_id,
        scope: scope(&token, request, context.rules())?,
    };
    let issued = issue_tokens(sandbox, &permission, true);
    // If several requests use one token concurrently, one rotates it.
    if !sandbox.data().rotate_tokens(&hash, &issued.tokens).await? {
        return Err(unknown());
    }
    Ok(issued)
}

/// Difference `refresh-scope`. Errors: a wider scope, which does not consume the token.
fn scope(
    token: &Token,
    request: &RefreshRequest,
    rules: &ContractRules,
) -> Result<Scope, OAuthError> {
    let is_live = rules.follows_deployed_server(Difference::RefreshScope);
    let narrowed = request.narrowed_scope(token.scope);
    let stays = matches!(&narrowed, Ok(asked) if asked.is_none_or(|asked| asked == token.scope));
    rules.record_divergence(Difference::RefreshScope, !stays);
    if is_live {
        return Ok(token.scope);
    }
    match narrowed? {
        None => Ok(token.scope),
        Some(narrower) if token.scope.covers(narrower) => Ok(narrower),
        Some(_) => Err(OAuthError::invalid_scope(
            "Invalid scope: Unable to add extra scopes",
        )),
    }
}
