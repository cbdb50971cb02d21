//! POST `/introspect` (RFC 7662), for confidential clients that the operator has listed (difference `introspection`).

use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::Response;
use serde::Serialize;

use crate::contract::Difference;
use crate::http::context::Context;
use crate::http::respond;
use crate::http::respond::Cors;
use crate::model::token::TokenKind;
use crate::model::user::UserRef;
use crate::protocol::client_auth;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;
use crate::sandbox::Sandbox;
use crate::sandbox::rate_limits::Limit;

/// The `Allow` header for other methods.
pub(crate) const ALLOW: &str = "POST";

/// `POST /introspect`.
pub(crate) async fn post(context: Context) -> Response {
    let rules = context.rules();
    rules.record_divergence(Difference::Introspection, true);
    if rules.recorded(Difference::Introspection) {
        let path = context.base.path("/api/auth/oauth/introspect");
        return respond::not_in_recording(&path, Difference::Introspection);
    }
    let params = context.params();
    let mut response = match check_caller(&context, params) {
        Ok(()) => {
            let token = params.text("token").map(Secret::new);
            respond::ok(&introspect(&context.sandbox, token.as_ref()), Cors::Closed)
        }
        Err(error) => respond::error(&error, Cors::Closed),
    };
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
    response
}

/// Authenticates the caller, which must be a listed client. Errors: `rate_limited`, or `invalid_client` with status
/// 401.
fn check_caller(context: &Context, params: &Params) -> Result<(), OAuthError> {
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
    let client = sandbox.world().find_client(&id);
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

/// The response for a token that is not active.
#[derive(Serialize)]
struct InactiveToken {
    active: bool,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Introspection {
    Active(ActiveToken),
    Inactive(InactiveToken),
}

fn introspect(sandbox: &Sandbox, token: Option<&Secret>) -> Introspection {
    match token.and_then(|token| active_token(sandbox, token)) {
        Some(token) => Introspection::Active(token),
        None => Introspection::Inactive(InactiveToken { active: false }),
    }
}

fn active_token(sandbox: &Sandbox, token: &Secret) -> Option<ActiveToken> {
    let world = sandbox.world();
    let token = world
        .find_token(&token.hash())
        .filter(|token| token.kind == TokenKind::Access && token.is_live(sandbox.now()))?;
    let user = world
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
