//! POST `/revoke` (RFC 7009): 200 with or without effect, so that clients cannot learn which tokens exist. Which tokens an app
//! may revoke are the differences `revoke-by-client` and `revoke-by-public-client`.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use crate::contract::{Contract, Difference};
use crate::http::context::RequestContext;
use crate::http::cors::CorsException;
use crate::http::session;
use crate::model::client::Client;
use crate::model::refusal_cause::{RefusalCause, listed};
use crate::model::token::Token;
use crate::model::user::User;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::revoke_request::RevokeRequest;
use crate::sandbox::journal::{CredentialAction, RevokeNoop};
use crate::sandbox::rate_limits::Limit;

/// `POST /revoke`.
pub(crate) async fn post(context: RequestContext) -> Result<impl IntoResponse, OAuthError> {
    if !is_within_limit(&context) {
        context.notes.cause(Limit::Revoke.cause());
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    let request = RevokeRequest::parse(context.params());
    let client = request.client_id.as_deref();
    let client = client.and_then(|id| context.sandbox.data().find_client(id));
    let cors_exception = cors_exception(&context, client.as_deref())?;
    let revoked = revoke(&context, request, client.as_deref()).await;
    // Errors too are readable by the pages of the client only.
    Ok((cors_exception, revoked.map(|()| Json(json!({})))))
}

/// Difference `rate-limit-key`.
fn is_within_limit(context: &RequestContext) -> bool {
    let rules = context.rules();
    let forwarded = context.forwarded_address();
    let is_forwarded = forwarded.is_some();
    let key = forwarded.or_else(|| {
        rules
            .follows_documentation(Difference::RateLimitKey)
            .then(|| context.peer_address())
            .flatten()
    });
    let is_within = key.is_none_or(|key| context.sandbox.check_rate_limit(Limit::Revoke, &key));
    // The deployed server does not limit requests without a forwarded address.
    rules.record_divergence(Difference::RateLimitKey, !is_within && !is_forwarded);
    is_within
}

/// The origin that alone may read the response. A page that calls for a public client must have one of its origins.
fn cors_exception(
    context: &RequestContext,
    client: Option<&Client>,
) -> Result<Option<CorsException>, OAuthError> {
    match (client, context.origin()) {
        (Some(client), Some(origin)) if !client.confidential => {
            if !client.allows_origin(origin) {
                context.notes.cause(RefusalCause::OriginNotAllowed {
                    client: client.name.clone(),
                    origin: origin.to_owned(),
                    allowed: listed(&client.allowed_origins),
                });
                return Err(OAuthError::new(
                    ErrorCode::OriginNotAllowed,
                    "Origin is not in the registered allowedOrigins for this client.",
                ));
            }
            Ok(Some(CorsException::Origin(origin.to_owned())))
        }
        _ => Ok(None),
    }
}

async fn revoke(
    context: &RequestContext,
    request: RevokeRequest,
    client: Option<&Client>,
) -> Result<(), OAuthError> {
    let (sandbox, rules) = (&context.sandbox, context.rules());
    let presented = request.token?;
    let user = session::cookie_user(context);
    let secret = request.client_secret;
    let app = client.filter(|client| client.owns_secret(secret.as_ref()));
    let Some(token) = sandbox.data().find_token(&presented.hash()) else {
        return Ok(());
    };
    let by_public_client = client.is_some_and(|client| is_of_public_client(&token, client, rules));
    if may_revoke(&token, user.as_deref(), app, rules) || by_public_client {
        sandbox.data().revoke_token(&token).await?;
        context
            .notes
            .credential(CredentialAction::Revoked, &token.hash);
    } else {
        context.notes.revoke_noop(match (client, &secret) {
            (None, _) => RevokeNoop::NoClient,
            (Some(client), _) if !client.confidential && client.id == token.client_id => {
                RevokeNoop::PublicClient
            }
            (Some(client), _) if !client.confidential => RevokeNoop::NotTheirs,
            (Some(_), None) => RevokeNoop::NoSecret,
            (Some(_), Some(_)) if app.is_none() => RevokeNoop::WrongSecret,
            (Some(_), Some(_)) => RevokeNoop::NotTheirs,
        });
    }
    Ok(())
}

/// Difference `revoke-by-public-client`: a public client ends its own tokens, whether or not a user is signed in.
fn is_of_public_client(token: &Token, client: &Client, rules: &ContractRules) -> bool {
    if client.confidential || client.id != token.client_id {
        return false;
    }
    rules.record_divergence(Difference::RevokeByPublicClient, true);
    rules.contract_for(Difference::RevokeByPublicClient) == Contract::Live
}

/// A signed-in user goes before the app.
fn may_revoke(
    token: &Token,
    user: Option<&User>,
    app: Option<&Client>,
    rules: &ContractRules,
) -> bool {
    if user.is_some_and(|user| user.id == token.user_id) {
        return true;
    }
    let Some(app) = app else {
        return false;
    };
    let as_documented = app.id == token.client_id;
    let as_live = user.is_none() && app.owner == token.user_id;
    rules.record_divergence(Difference::RevokeByClient, as_documented != as_live);
    match rules.contract_for(Difference::RevokeByClient) {
        Contract::Documented => as_documented,
        Contract::Live | Contract::Live2026_08 => as_live,
    }
}
