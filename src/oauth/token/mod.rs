//! POST `/token` (RFC 6749 §3.2): authenticates the client and answers by its grant. The grants are the other files of
//! this folder; `protocol/token_request.rs` parses the request.

mod authorization_code;
mod client_credentials;
mod refresh_token;

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse;

use crate::contract::{Contract, Difference};
use crate::http::context::RequestContext;
use crate::http::cors::CorsException;
use crate::model::client::Client;
use crate::oauth::clients;
use crate::oauth::issue::Tokens;
use crate::protocol::client_auth::Credentials;
use crate::protocol::error::{OAuthError, grant_not_allowed_error, invalid_client_error};
use crate::protocol::grant_type::GrantType;
use crate::protocol::token_request::{TokenGrant, TokenRequest};
use crate::sandbox::journal::CredentialAction;
use crate::sandbox::rate_limits::Limit;

/// `POST /token`.
pub(crate) async fn post(context: RequestContext) -> Result<impl IntoResponse, OAuthError> {
    let request = TokenRequest::parse(context.authorization(), context.params());
    let body_client_id = request.body_client_id.clone();
    let (client, tokens) = exchange(&context, request).await?;
    let cors_exception = cors_exception(&context, &client, body_client_id.as_deref());
    Ok((cors_exception, Json(tokens)))
}

/// Success responses to a page of a public client name its origin.
fn cors_exception(
    context: &RequestContext,
    client: &Client,
    body_client_id: Option<&str>,
) -> Option<CorsException> {
    let origin = context.origin()?;
    let is_own = !client.confidential
        && client.allows_origin(origin)
        && body_client_id == Some(client.id.as_str());
    is_own.then(|| CorsException::Origin(origin.to_owned()))
}

async fn exchange(
    context: &RequestContext,
    request: TokenRequest,
) -> Result<(Arc<Client>, Tokens), OAuthError> {
    let rules = context.rules();
    if !is_within_limit(context, request.claimed_client_id.as_deref()) {
        context.notes.cause(Limit::Token.cause());
        return Err(OAuthError::rate_limited("Too many token requests"));
    }
    let is_client_credentials = request.is_client_credentials();
    if is_client_credentials && rules.follows_documentation(Difference::ClientCredentialsPublic) {
        let refused = check_not_public(context, request.claimed_client_id.as_deref());
        rules.record_divergence(Difference::ClientCredentialsPublic, refused.is_err());
        refused?;
    }
    let credentials = request.credentials;
    let credentials = credentials.map_err(|error| error.into_oauth_error(rules))?;
    let client = authenticate(context, &credentials, is_client_credentials).await?;
    let grant = request.grant?;
    if !client.may_use(grant.grant_type()) {
        clients::record_refused_grant(context, &client, grant.grant_type());
        return Err(grant_not_allowed_error());
    }
    let issued = match grant {
        TokenGrant::AuthorizationCode(exchange) => {
            // The audience of an id token is the client ID of the body, even if HTTP Basic has another.
            let audience = request.body_client_id.filter(|id| !id.is_empty());
            let audience = audience.as_deref().unwrap_or("unknown");
            authorization_code::redeem(context, &client, &exchange?, audience).await?
        }
        TokenGrant::RefreshToken(refresh) => {
            refresh_token::refresh(context, &client, &refresh?).await?
        }
        TokenGrant::ClientCredentials(request) => {
            client_credentials::grant(context, &client, &request?).await?
        }
        // No client has it.
        TokenGrant::Password => return Err(grant_not_allowed_error()),
    };
    for token in &issued.tokens {
        context
            .notes
            .credential(CredentialAction::Issued, &token.hash);
    }
    Ok((client, issued.into_tokens(rules)))
}

/// Difference `rate-limit-key`.
fn is_within_limit(context: &RequestContext, claimed_client_id: Option<&str>) -> bool {
    let rules = context.rules();
    let forwarded = context.forwarded_address();
    let is_forwarded = forwarded.is_some();
    let key = match rules.contract_for(Difference::RateLimitKey) {
        Contract::Documented => Some(claimed_client_id.unwrap_or("unknown").to_owned()),
        Contract::Live | Contract::Live2026_08 => forwarded,
    };
    let is_within = key.is_none_or(|key| context.sandbox.check_rate_limit(Limit::Token, &key));
    // The deployed server does not limit requests without a forwarded address. Whether the window of an address would be
    // full there is not known.
    rules.record_divergence(Difference::RateLimitKey, !is_within && !is_forwarded);
    is_within
}

async fn authenticate(
    context: &RequestContext,
    credentials: &Credentials,
    is_client_credentials: bool,
) -> Result<Arc<Client>, OAuthError> {
    let rules = context.rules();
    let secret = credentials.secret.as_ref();
    let refused = || OAuthError {
        by_header: context.has_authorization_header(),
        ..invalid_client_error()
    };
    let client = clients::find_or_register(context, &credentials.client_id).await?;
    let client = client.ok_or_else(|| {
        clients::record_unknown_client(context, &credentials.client_id);
        refused()
    })?;
    let client = clients::bind_first_secret(context, client, secret).await?;
    if is_client_credentials {
        let is_public = !client.confidential && !client.auto_registered;
        rules.record_divergence(Difference::ClientCredentialsPublic, is_public);
    }
    let shows_secret = !client.confidential && !is_client_credentials && secret.is_some();
    rules.record_divergence(Difference::PublicClientSecret, shows_secret);
    if shows_secret && rules.follows_documentation(Difference::PublicClientSecret) {
        clients::record_wrong_secret(context, &client, secret);
        return Err(refused());
    }
    // The deployed server checks later whether there is a secret to compare with.
    let is_checked_later = is_client_credentials
        && client_credentials::is_without_secret(&client)
        && rules.contract_for(Difference::ClientCredentialsPublic) == Contract::Live;
    if !is_checked_later && !client.authenticates_with(secret) {
        clients::record_wrong_secret(context, &client, secret);
        return Err(refused());
    }
    Ok(client)
}

/// A public client may not use the client credentials grant, with or without a secret.
fn check_not_public(
    context: &RequestContext,
    claimed_client_id: Option<&str>,
) -> Result<(), OAuthError> {
    let Some(id) = claimed_client_id else {
        return Ok(());
    };
    match context.sandbox.data().find_client(id) {
        // A client that was registered by its first request may still present a secret.
        Some(client) if !client.confidential && !client.auto_registered => {
            clients::record_refused_grant(context, &client, GrantType::ClientCredentials);
            Err(grant_not_allowed_error())
        }
        _ => Ok(()),
    }
}
