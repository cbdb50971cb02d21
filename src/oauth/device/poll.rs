//! POST `/device-token` (RFC 8628 §3.4): returns the tokens, once, after the user has approved.

use axum::Json;
use axum::response::IntoResponse;

use crate::contract::Difference;
use crate::http::context::RequestContext;
use crate::model::device::{Poll, check_scope_ceiling};
use crate::oauth::issue::{TokenPermission, Tokens, issue_tokens};
use crate::protocol::device_requests::DeviceTokenRequest;
use crate::protocol::error::{ErrorCode, OAuthError};
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
    let is_within_limit = if context
        .rules()
        .follows_recording(Difference::DeviceRateLimits)
    {
        sandbox.check_rate_limit(Limit::DeviceFlow, client_id)
    } else {
        context.check_address_limit(Limit::DeviceToken)
            && sandbox.check_rate_limit(Limit::DeviceCode, &hash.to_hex())
    };
    if !is_within_limit {
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    let found = sandbox.data().find_device(&hash, sandbox.now());
    let grant = found.ok_or_else(|| expired("Device code expired"))?;
    let user_id = match grant.poll(client_id) {
        Poll::Claim(user_id) => user_id,
        Poll::Refused(error) => return Err(error),
        Poll::Ended(error) => {
            sandbox.data().claim_device(&hash, &[]).await?;
            return Err(error);
        }
    };
    context.notes.user(user_id);
    let client = sandbox.data().find_client(client_id);
    let client = client.ok_or_else(|| OAuthError::invalid_grant("Unknown client"))?;
    check_scope_ceiling(&client, grant.scope)?;
    let permission = TokenPermission {
        client_id: client.id.clone(),
        user_id,
        scope: grant.scope,
    };
    let issued = issue_tokens(sandbox, &permission, true);
    let claimed = sandbox.data().claim_device(&hash, &issued.tokens);
    if !claimed.await? {
        return Err(expired("Device code already used"));
    }
    Ok(issued.into_device_tokens())
}
