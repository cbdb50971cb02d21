//! POST `/device-token` (RFC 8628 §3.4): returns the tokens, once, after the user has approved.

use axum::Json;
use axum::response::IntoResponse;

use crate::contract::Difference;
use crate::http::context::RequestContext;
use crate::model::device::{Poll, check_scope_ceiling};
use crate::model::refusal_cause::CredentialKind;
use crate::oauth::clients;
use crate::oauth::issue::{TokenPermission, Tokens, issue_tokens};
use crate::protocol::device_requests::DeviceTokenRequest;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::ids::ClientId;
use crate::protocol::secret::SecretHash;
use crate::sandbox::credential_cause::RefusedCredential;
use crate::sandbox::journal::CredentialAction;
use crate::sandbox::rate_limits::Limit;

/// `POST /device-token`.
pub(crate) async fn post(context: RequestContext) -> Result<impl IntoResponse, OAuthError> {
    let request = DeviceTokenRequest::parse(context.params())?;
    let tokens = poll(&context, &request).await?;
    Ok(Json(tokens))
}

fn expired(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::ExpiredToken, description)
}

async fn poll(
    context: &RequestContext,
    request: &DeviceTokenRequest,
) -> Result<Tokens, OAuthError> {
    let sandbox = &context.sandbox;
    let (hash, client_id) = (request.device_code.hash(), &request.client_id);
    check_limits(context, client_id, &hash)?;
    let record_refused = |client| {
        let kind = CredentialKind::DeviceCode;
        context.record_refused_credential(RefusedCredential { kind, hash, client });
    };
    let found = sandbox.data().find_device(&hash, sandbox.now());
    let grant = found.ok_or_else(|| {
        record_refused(None);
        expired("Device code expired")
    })?;
    let user_id = match grant.poll(client_id) {
        Poll::Claim(user_id) => user_id,
        Poll::Refused(error) => {
            if error.code == ErrorCode::InvalidGrant {
                record_refused(Some(&ClientId(client_id.clone())));
            }
            return Err(error);
        }
        Poll::Ended(error) => {
            sandbox.data().claim_device(&hash, &[]).await?;
            context.notes.credential(CredentialAction::Used, &hash);
            return Err(error);
        }
    };
    context.notes.user(user_id);
    let client = sandbox.data().find_client(client_id);
    let client = client.ok_or_else(|| OAuthError::invalid_grant("Unknown client"))?;
    check_scope_ceiling(&client, grant.scope)
        .inspect_err(|_| clients::record_refused_scope(context, &client, grant.scope))?;
    let permission = TokenPermission {
        client_id: client.id.clone(),
        user_id,
        scope: grant.scope,
    };
    let issued = issue_tokens(sandbox, &permission, true);
    let claimed = sandbox.data().claim_device(&hash, &issued.tokens);
    if !claimed.await? {
        record_refused(None);
        return Err(expired("Device code already used"));
    }
    context.notes.credential(CredentialAction::Used, &hash);
    for token in &issued.tokens {
        context
            .notes
            .credential(CredentialAction::Issued, &token.hash);
    }
    Ok(issued.into_device_tokens())
}

/// Difference `device-rate-limits`.
fn check_limits(
    context: &RequestContext,
    client_id: &str,
    device_code: &SecretHash,
) -> Result<(), OAuthError> {
    let sandbox = &context.sandbox;
    let is_recorded = context
        .rules()
        .follows_recording(Difference::DeviceRateLimits);
    let exceeded = if is_recorded {
        (!sandbox.check_rate_limit(Limit::DeviceFlow, client_id)).then_some(Limit::DeviceFlow)
    } else if !context.check_address_limit(Limit::DeviceToken) {
        Some(Limit::DeviceToken)
    } else {
        let is_within = sandbox.check_rate_limit(Limit::DeviceCode, &device_code.to_hex());
        (!is_within).then_some(Limit::DeviceCode)
    };
    match exceeded {
        Some(limit) => {
            context.notes.cause(limit.cause());
            Err(OAuthError::bare(ErrorCode::RateLimited))
        }
        None => Ok(()),
    }
}
