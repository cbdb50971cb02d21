//! The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.5). The code is used up before the verifier and the
//! redirect URI are checked, so a failure of either check invalidates it.

use crate::http::context::RequestContext;
use crate::model::client::Client;
use crate::model::code::{self, AuthorizationCode};
use crate::model::refusal_cause::{CredentialKind, RefusalCause};
use crate::oauth::clients;
use crate::oauth::issue::{IdTokenClaims, IssuedTokens, TokenPermission, issue_tokens};
use crate::protocol::error::OAuthError;
use crate::protocol::token_request::CodeExchange;
use crate::sandbox::credential_cause::RefusedCredential;
use crate::sandbox::journal::CredentialAction;

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
        check_request(context, code, request)?;
        let permission = TokenPermission {
            client_id: client.id.clone(),
            user_id: code.user_id,
            scope: code
                .token_scope(client, rules)
                .inspect_err(|_| clients::record_refused_scope(context, client, code.scope))?,
        };
        Ok::<_, OAuthError>(issue_tokens(sandbox, &permission, true))
    };
    let redeemed = sandbox
        .data()
        .redeem_code(&hash, &client.id, now, issue)
        .await?;
    let Some((code, issued)) = redeemed else {
        context.record_refused_credential(RefusedCredential {
            kind: CredentialKind::AuthorizationCode,
            hash,
            client: Some(&client.id),
        });
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
    context.notes.credential(CredentialAction::Used, &hash);
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

/// Checks the verifier and the redirect URI of a request that has used up this code.
fn check_request(
    context: &RequestContext,
    code: &AuthorizationCode,
    request: &CodeExchange,
) -> Result<(), OAuthError> {
    let verifier = request.verifier.as_ref();
    let verifier = verifier.map_err(|error| error.to_oauth_error(context.rules()))?;
    code.check_verifier(verifier).inspect_err(|_| {
        let mistake = code.challenge.mistake(verifier).map(str::to_owned);
        let cause = RefusalCause::VerifierMismatch { mistake };
        context.notes.cause(cause);
    })?;
    let registered = &code.redirect_uri;
    request.check_redirect_uri(registered).inspect_err(|_| {
        let sent = request.redirect_uri_text();
        let cause = sent.map(|sent| RefusalCause::redirect_changed(sent, registered));
        context.notes.cause_if_known(cause);
    })
}
