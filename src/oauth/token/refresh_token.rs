//! The refresh grant (RFC 6749 §6): the token is rotated. The old one is invalid immediately, old access tokens stay
//! valid. The ceiling is not checked again. A refresh token that is sent again is refused as unknown, and the tokens that
//! were issued for it stay valid: Civitai revokes no family of tokens (RFC 9700 §4.14.2 would).

use crate::contract::Difference;
use crate::http::context::RequestContext;
use crate::model::client::Client;
use crate::model::refusal_cause::{CredentialKind, RefusalCause, scope_names};
use crate::model::token::{Token, TokenKind};
use crate::oauth::issue::{IssuedTokens, TokenPermission, issue_tokens};
use crate::protocol::error::OAuthError;
use crate::protocol::scope::Scope;
use crate::protocol::token_request::RefreshRequest;
use crate::sandbox::credential_cause::RefusedCredential;
use crate::sandbox::journal::CredentialAction;

/// Exchanges a refresh token for new tokens.
pub(super) async fn refresh(
    context: &RequestContext,
    client: &Client,
    request: &RefreshRequest,
) -> Result<IssuedTokens, OAuthError> {
    let sandbox = &context.sandbox;
    let hash = request.token.hash();
    let record_refused = || {
        context.record_refused_credential(RefusedCredential {
            kind: CredentialKind::RefreshToken,
            hash,
            client: Some(&client.id),
        });
    };
    let unknown = || {
        record_refused();
        OAuthError::invalid_grant("Invalid grant: refresh token is invalid")
    };
    let found = sandbox.data().find_token(&hash);
    let token = found
        .filter(|token| token.kind == TokenKind::Refresh && token.is_unexpired(sandbox.now()))
        .ok_or_else(unknown)?;
    context.notes.user(token.user_id);
    if token.client_id != client.id {
        record_refused();
        return Err(OAuthError::invalid_grant(
            "Invalid grant: refresh token was issued to another client",
        ));
    }
    let permission = TokenPermission {
        client_id: client.id.clone(),
        user_id: token.user_id,
        scope: scope(context, &token, request)?,
    };
    let issued = issue_tokens(sandbox, &permission, true);
    // If several requests use one token concurrently, one rotates it.
    if !sandbox.data().rotate_tokens(&hash, &issued.tokens).await? {
        return Err(unknown());
    }
    context.notes.credential(CredentialAction::Used, &hash);
    Ok(issued)
}

/// Difference `refresh-scope`. Errors: a wider scope, which does not consume the token.
fn scope(
    context: &RequestContext,
    token: &Token,
    request: &RefreshRequest,
) -> Result<Scope, OAuthError> {
    let rules = context.rules();
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
        Some(wider) => {
            context.notes.cause(RefusalCause::ScopeWidened {
                added: scope_names(wider.without(token.scope)),
                granted: scope_names(token.scope),
            });
            Err(OAuthError::invalid_scope(
                "Invalid scope: Unable to add extra scopes",
            ))
        }
    }
}
