//! POST `/introspect` (RFC 7662), for confidential clients that the operator has listed. The difference `introspection` added
//! it.

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde::Serialize;

use crate::http::context::RequestContext;
use crate::model::refusal_cause::RefusalCause;
use crate::model::token::TokenKind;
use crate::model::user::UserRef;
use crate::oauth::clients;
use crate::protocol::client_auth::Credentials;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::ids::ClientId;
use crate::protocol::introspect_request::IntrospectRequest;
use crate::protocol::secret::Secret;
use crate::sandbox::Sandbox;
use crate::sandbox::rate_limits::Limit;

/// `POST /introspect`.
pub(crate) async fn post(context: RequestContext) -> impl IntoResponse {
    let request = IntrospectRequest::parse(context.authorization(), context.params());
    let introspection = introspect(&context, &request);
    ([(CACHE_CONTROL, "no-store")], introspection.map(Json))
}

fn introspect(
    context: &RequestContext,
    request: &IntrospectRequest,
) -> Result<IntrospectionResponse, OAuthError> {
    check_client(context, request.credentials.as_ref())?;
    let token = request.token.as_ref();
    let active = token.and_then(|token| active_token(&context.sandbox, token));
    Ok(active.map_or(
        IntrospectionResponse::Inactive { active: false },
        IntrospectionResponse::Active,
    ))
}

/// Authenticates the client, which must be a listed one. Errors: `rate_limited`, or `invalid_client` with status 401.
fn check_client(
    context: &RequestContext,
    credentials: Option<&Credentials>,
) -> Result<(), OAuthError> {
    let sandbox = &context.sandbox;
    if !context.check_address_limit(Limit::Introspect) {
        context.notes.cause(Limit::Introspect.cause());
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    let refused = || OAuthError {
        by_header: true,
        ..OAuthError::bare(ErrorCode::InvalidClient)
    };
    let credentials = credentials.ok_or_else(refused)?;
    let client = sandbox.data().find_client(&credentials.client_id);
    let client = client.ok_or_else(|| {
        clients::record_unknown_client(context, &credentials.client_id);
        refused()
    })?;
    let secret = credentials.secret.as_ref();
    if !client.owns_secret(secret) {
        clients::record_wrong_secret(context, &client, secret);
        return Err(refused());
    }
    if !client.may_introspect {
        let client = client.name.clone();
        let cause = RefusalCause::IntrospectionNotAllowed { client };
        context.notes.cause(cause);
        return Err(refused());
    }
    if !sandbox.check_rate_limit(Limit::IntrospectClient, client.id.as_str()) {
        context.notes.cause(Limit::IntrospectClient.cause());
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
enum IntrospectionResponse {
    Active(ActiveToken),
    Inactive { active: bool },
}

fn active_token(sandbox: &Sandbox, token: &Secret) -> Option<ActiveToken> {
    let data = sandbox.data();
    let token = data
        .find_token(&token.hash())
        .filter(|token| token.kind == TokenKind::Access && token.is_unexpired(sandbox.now()))?;
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
