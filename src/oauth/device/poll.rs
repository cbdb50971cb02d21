//! POST `/device-token` (RFC 8628 §3.4): returns the tokens, once, after the user has approved.

use axum::Json;
use axum::response::IntoResponse;

use crate::contract::Difference;
use crate::http::context::Context;
use crate::model::client::Grant;
use crate::model::device::{Poll, check_ceiling};
use crate::oauth::mint::{TokenSubject, Tokens, mint};
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;
use crate::sandbox::rate_limits::Limit;

/// `POST /device-token`.
pub(crate) async fn post(context: Context) -> Result<impl IntoResponse, OAuthError> {
    let tokens = poll(&context, context.params()).await?;
    Ok(Json(tokens))
}

fn expired(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::ExpiredToken, description)
}

async fn poll(context: &Context, params: &Params) -> Result<Tokens, OAuthError> {
    let sandbox = &context.sandbox;
    if params.text("grant_type") != Some(Grant::DeviceCode.name()) {
        return Err(OAuthError::bare(ErrorCode::UnsupportedGrantType));
    }
    let (Some(device_code), Some(client_id)) = (
        params.non_empty("device_code"),
        params.non_empty("client_id"),
    ) else {
        return Err(OAuthError::bare(ErrorCode::InvalidRequest));
    };
    let hash = Secret::new(device_code).hash();
    let is_admitted = if context.rules().recorded(Difference::DeviceRateLimits) {
        sandbox.check_rate_limit(Limit::DeviceFlow, &client_id)
    } else {
        context.admits_address(Limit::DeviceToken)
            && sandbox.check_rate_limit(Limit::DeviceCode, &hash.to_hex())
    };
    if !is_admitted {
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    let found = sandbox.data().find_device(&hash, sandbox.now());
    let grant = found.ok_or_else(|| expired("Device code expired"))?;
    let user_id = match grant.poll(&client_id) {
        Poll::Claim(user_id) => user_id,
        Poll::Refused(error) => return Err(error),
        Poll::Over(error) => {
            sandbox.data().claim_device(&hash, &[]).await?;
            return Err(error);
        }
    };
    context.notes.user(user_id);
    let client = sandbox.data().find_client(&client_id);
    let client = client.ok_or_else(|| OAuthError::invalid_grant("Unknown client"))?;
    check_ceiling(&client, grant.scope)?;
    let permission = TokenSubject {
        client_id: client.id.clone(),
        user_id,
        scope: grant.scope,
    };
    let minted = mint(sandbox, &permission, true);
    let claimed = sandbox.data().claim_device(&hash, &minted.rows);
    if !claimed.await? {
        return Err(expired("Device code already used"));
    }
    Ok(minted.device_answer())
}
