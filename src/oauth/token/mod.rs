//! POST `/token` (RFC 6749 §3.2): who asks, for which grant, with which answer. The grants are the files
//! beside this one; what a client presents is read in `protocol/client_auth.rs`.

mod authorization_code;
mod client_credentials;
mod refresh_token;

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse;

use crate::contract::{Contract, Difference};
use crate::http::context::Context;
use crate::http::cors::CorsException;
use crate::model::client::{Client, Grant};
use crate::oauth::clients;
use crate::oauth::mint::Tokens;
use crate::protocol::client_auth::Credentials;
use crate::protocol::error::{OAuthError, client_refused, grant_refused};
use crate::protocol::params::Params;
use crate::protocol::rules::Rules;
use crate::protocol::token_request::GrantType;
use crate::sandbox::rate_limits::Limit;

/// `POST /token`.
pub(crate) async fn post(context: Context) -> Result<impl IntoResponse, OAuthError> {
    let params = context.params();
    let (client, tokens) = exchange(&context, params).await?;
    Ok((readable_by(&context, &client, params), Json(tokens)))
}

/// Success responses to a page of a public client name its origin.
fn readable_by(context: &Context, client: &Client, params: &Params) -> Option<CorsException> {
    let origin = context.origin()?;
    let is_own = !client.confidential
        && client.allows_origin(origin)
        && params.text("client_id") == Some(client.id.as_str());
    is_own.then(|| CorsException::Origin(origin.to_owned()))
}

async fn exchange(context: &Context, params: &Params) -> Result<(Arc<Client>, Tokens), OAuthError> {
    let rules = context.rules();
    if !within_limit(context, params, rules) {
        return Err(OAuthError::rate_limited("Too many token requests"));
    }
    let client = authenticate(context, params, rules).await?;
    let grant = GrantType::parse(params)?;
    let allowed = match grant {
        GrantType::AuthorizationCode => client.may_use(Grant::AuthorizationCode),
        GrantType::ClientCredentials => client.may_use(Grant::ClientCredentials),
        GrantType::RefreshToken => client.may_use(Grant::RefreshToken),
        GrantType::Password => false,
    };
    if !allowed {
        return Err(grant_refused());
    }
    let minted = match grant {
        GrantType::AuthorizationCode => {
            authorization_code::redeem(context, &client, params, rules).await?
        }
        GrantType::RefreshToken => refresh_token::refresh(context, &client, params, rules).await?,
        GrantType::ClientCredentials => {
            client_credentials::grant(context, &client, params, rules).await?
        }
        GrantType::Password => return Err(grant_refused()),
    };
    let answer = minted.answer(rules);
    Ok((client, answer))
}

/// Difference `rate-limit-key`.
fn within_limit(context: &Context, params: &Params, rules: &Rules) -> bool {
    let forwarded = context.forwarded_address();
    let is_told = forwarded.is_some();
    let key = match rules.side(Difference::RateLimitKey) {
        Contract::Documented => Some(
            Credentials::claimed_client_id(context.authorization(), params)
                .unwrap_or_else(|| "unknown".to_owned()),
        ),
        Contract::Live | Contract::Live2026_08 => forwarded,
    };
    let admitted = key.is_none_or(|key| context.sandbox.check_rate_limit(Limit::Token, &key));
    // Whom no header tells, the deployed server never refuses; whose window would be full there is not known.
    rules.record_divergence(Difference::RateLimitKey, !admitted && !is_told);
    admitted
}

async fn authenticate(
    context: &Context,
    params: &Params,
    rules: &Rules,
) -> Result<Arc<Client>, OAuthError> {
    let authorization = context.authorization();
    let for_itself = params.text("grant_type") == Some(Grant::ClientCredentials.name());
    if for_itself && rules.documented(Difference::ClientCredentialsPublic) {
        let refused = refuse_public(context, params);
        rules.record_divergence(Difference::ClientCredentialsPublic, refused.is_err());
        refused?;
    }
    let credentials = Credentials::parse(authorization, params, rules)?;
    let secret = credentials.secret.as_ref();
    let refused = || OAuthError {
        by_header: context.has_authorization_header(),
        ..client_refused()
    };
    let client = clients::find(context, &credentials.client_id)
        .await?
        .ok_or_else(refused)?;
    let client = clients::bind_first_secret(context, client, secret).await?;
    if for_itself {
        let is_public = !client.confidential && !client.adopted;
        rules.record_divergence(Difference::ClientCredentialsPublic, is_public);
    }
    let shows_secret = !client.confidential && !for_itself && secret.is_some();
    rules.record_divergence(Difference::PublicClientSecret, shows_secret);
    if shows_secret && rules.documented(Difference::PublicClientSecret) {
        return Err(refused());
    }
    // Whether there is a secret to compare with is looked at later there.
    let is_let_through = for_itself
        && client_credentials::is_without_secret(&client)
        && rules.side(Difference::ClientCredentialsPublic) == Contract::Live;
    if !is_let_through && !client.authenticates_with(secret) {
        return Err(refused());
    }
    Ok(client)
}

/// A public client has nothing to act for itself with, whether it sends a secret or none.
fn refuse_public(context: &Context, params: &Params) -> Result<(), OAuthError> {
    let Some(id) = Credentials::claimed_client_id(context.authorization(), params) else {
        return Ok(());
    };
    let found = context.sandbox.data().find_client(&id);
    match found {
        // One that its first request registered may still show a secret.
        Some(client) if !client.confidential && !client.adopted => Err(grant_refused()),
        _ => Ok(()),
    }
}
