//! POST `/introspect` (RFC 7662), for confidential clients that the operator has listed. The difference `introspection` added it.

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde::Serialize;

use crate::http::context::Context;
use crate::model::token::TokenKind;
use crate::model::user::UserRef;
use crate::protocol::client_auth;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;
use crate::sandbox::Sandbox;
use crate::sandbox::rate_limits::Limit;

/// `POST /introspect`.
pub(crate) async fn post(context: Context) -> impl IntoResponse {
    (
        [(CACHE_CONTROL, "no-store")],
        introspect(&context, context.params()).map(Json),
    )
}

fn introspect(context: &Context, params: &Params) -> Result<Introspection, OAuthError> {
    check_client(context, params)?;
    let token = params.text("token").map(Secret::new);
    let active = token.and_then(|token| active_token(&context.sandbox, &token));
    Ok(active.map_or(
        Introspection::Inactive { active: false },
        Introspection::Active,
    ))
}

/// Authenticates the client, which must be a listed one. Errors: `rate_limited`, or `invalid_client` with status
/// 401.
fn check_client(context: &Context, params: &Params) -> Result<(), OAuthError> {
    let sandbox = &context.sandbox;
    if !context.admits_address(Limit::Introspect) {
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    let refused = || OAuthError {
        by_header: true,
        ..OAuthError::bare(ErrorCode::InvalidClient)
    };
    let (id, secret) = client_auth::introspection_credentials(context.authorization(), params)
        .ok_or_else(refused)?;
    let client = sandbox.data().find_client(&id);
    let client = client
        .filter(|client| client.may_introspect && client.owns_secret(Some(&secret)))
        .ok_or_else(refused)?;
    if !sandbox.check_rate_limit(Limit::IntrospectClient, client.id.as_str()) {
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    Ok(())
}

/// The properties of an active access token (RFC 7662 §2.2).
#[derive(Serialize)]
struct ActiveToken {
    active: bool,
    sub: String,
    username: Option<String>,
    scope: String,
    client_id: ClientId,
    exp: i64,
    token_type: &'static str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Introspection {
    Active(ActiveToken),
    Inactive { active: bool },
}

fn active_token(sandbox: &Sandbox, token: &Secret) -> Option<ActiveToken> {
    let data = sandbox.data();
    let token = data
        .find_token(&token.hash())
        .filter(|token| token.kind == TokenKind::Access && token.is_live(sandbox.now()))?;
    let user = data
        .find_user(&UserRef::Id(token.user_id.0))
        .filter(|user| !user.deleted && !user.banned)?;
    Some(ActiveToken {
        active: true,
        sub: user.id.to_string(),
        username: user.username,
        scope: token.scope.to_string(),
        client_id: token.client_id,
        exp: token.expires_at.unix_seconds(),
        token_type: "Bearer",
    })
}
