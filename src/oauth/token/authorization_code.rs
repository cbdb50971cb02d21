//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5). The code is consumed before the verifier and the
//! redirect URI are checked, so a failure of either check invalidates it.

use crate::http::context::RequestContext;
use crate::model::client::Client;
use crate::model::code::{self, AuthorizationCode};
use crate::oauth::issue::{IdTokenClaims, IssuedTokens, TokenPermission, issue_tokens};
use crate::protocol::error::OAuthError;
use crate::protocol::token_request::CodeExchange;

/// Exchanges a code for tokens.
pub(super) async fn redeem(
    context: &RequestContext,
    client: &Client,
    request: &CodeExchange,
    audience: &str,
) -> Result<IssuedTokens, OAuthError> {
    let (sandbox, rules) = (&context.sandbox, context.rules());
    let hash = request.code.hash();
    let now = sandbox.now();
    let issue = |code: &AuthorizationCode| {
        code.record_lifetime_divergence_if_redeemed(now, sandbox.settings().code_seconds, rules);
        context.notes.user(code.user_id);
        let verifier = request.verifier.as_ref();
        code.check_verifier(verifier.map_err(|error| error.to_oauth_error(rules))?)?;
        request.check_redirect_uri(&code.redirect_uri)?;
        let permission = TokenPermission {
            client_id: client.id.clone(),
            user_id: code.user_id,
            scope: code.token_scope(client, rules)?,
        };
        Ok::<_, OAuthError>(issue_tokens(sandbox, &permission, true))
    };
    let redeemed = sandbox
        .data()
        .redeem_code(&hash, &client.id, now, issue)
        .await?;
    let Some((code, issued)) = redeemed else {
        let expired = sandbox.data().is_code_expired(&hash, &client.id, now);
        code::record_lifetime_divergence_if_expired(
            expired,
            sandbox.settings().code_seconds,
            rules,
        );
        return Err(OAuthError::invalid_grant(if expired {
            "Invalid grant: authorization code has expired"
        } else {
            "Invalid grant: authorization code is invalid"
        }));
    };
    let mut issued = issued?;
    if let Some(nonce) = &code.nonce {
        let claims = IdTokenClaims {
            nonce,
            signed_in_at: code.issued_at,
            user_id: code.user_id,
            audience,
            issuer: context.base.to_string(),
        };
        issued.add_id_token(sandbox, &claims);
    }
    Ok(issued)
}
