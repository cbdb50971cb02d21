//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5). The code is consumed before the verifier and the
//! redirect URI are checked, so a failure of either check invalidates it.

use crate::http::context::Context;
use crate::model::client::Client;
use crate::model::code::{self, AuthorizationCode};
use crate::model::token::Token;
use crate::oauth::mint::{IdTokenClaims, IssuedTokens, TokenSubject, mint};
use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::protocol::rules::Rules;
use crate::protocol::token_request;

/// Exchanges a code for tokens.
pub(super) async fn redeem(
    context: &Context,
    client: &Client,
    params: &Params,
    rules: &Rules,
) -> Result<IssuedTokens, OAuthError> {
    let sandbox = &context.sandbox;
    let hash = token_request::code(params)?.hash();
    let now = sandbox.now();
    let exchange = |code: &AuthorizationCode| {
        code.note_age(now, sandbox.settings().code_seconds, rules);
        context.notes.user(code.user_id);
        let verifier = token_request::verifier(params, rules)?;
        code.check_verifier(&verifier)?;
        token_request::check_redirect_uri(params, &code.redirect_uri)?;
        let permission = TokenSubject {
            client_id: client.id.clone(),
            user_id: code.user_id,
            scope: code.token_scope(client, rules)?,
        };
        Ok(mint(sandbox, &permission, true))
    };
    let redeemed = sandbox
        .data()
        .redeem_code((&hash, &client.id, now), exchange, rows)
        .await?;
    let Some((code, minted)) = redeemed else {
        let expired = sandbox.data().is_code_expired(&hash, &client.id, now);
        code::note_expiry(expired, sandbox.settings().code_seconds, rules);
        return Err(OAuthError::invalid_grant(if expired {
            "Invalid grant: authorization code has expired"
        } else {
            "Invalid grant: authorization code is invalid"
        }));
    };
    let mut minted = minted?;
    if let Some(nonce) = &code.nonce {
        // The audience is the client ID of the body, even if HTTP Basic has another.
        let audience = params
            .text("client_id")
            .filter(|id| !id.is_empty())
            .unwrap_or("unknown");
        let claims = IdTokenClaims {
            nonce,
            signed_in_at: code.issued_at,
            user_id: code.user_id,
            audience,
            issuer: context.base.to_string(),
        };
        minted.add_id_token(sandbox, &claims);
    }
    Ok(minted)
}

/// The tokens of an exchange to store.
fn rows(exchanged: &Result<IssuedTokens, OAuthError>) -> &[Token] {
    exchanged.as_ref().map_or(&[], |minted| &minted.rows)
}
