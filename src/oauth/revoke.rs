//! POST `/revoke` (RFC 7009): 200 whatever happened, so that clients cannot learn which tokens exist. Which tokens an app may
//! revoke are the differences `revoke-by-client` and `revoke-by-public-client`.

use std::sync::Arc;

use axum::response::Response;
use serde_json::json;

use crate::contract::{Contract, Difference};
use crate::http::context::Context;
use crate::http::respond;
use crate::http::respond::Cors;
use crate::http::session;
use crate::model::client::Client;
use crate::model::token::Token;
use crate::model::user::User;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::params::Params;
use crate::protocol::rules::Rules;
use crate::protocol::secret::Secret;
use crate::sandbox::journal::RevokeNoop;
use crate::sandbox::rate_limits::Limit;

/// The value of `Allow` in the answer to other methods.
pub(crate) const ALLOW: &str = "POST, OPTIONS";

const METHODS: &str = "POST";

/// `POST /revoke`.
pub(crate) async fn post(context: Context) -> Response {
    let params = context.params();
    let rules = context.rules();
    if !within_limit(&context, rules) {
        return respond::error(
            &OAuthError::bare(ErrorCode::RateLimited),
            Cors::Any(METHODS),
        );
    }
    let (client, cors) = match caller(&context, params) {
        Ok(known) => known,
        Err(why) => return respond::error(&why, Cors::Closed),
    };
    match revoke(&context, params, client.as_deref(), rules).await {
        Ok(()) => respond::ok(&json!({}), cors),
        Err(why) => respond::error(&why, cors),
    }
}

/// `OPTIONS /revoke`.
pub(crate) async fn options() -> Response {
    respond::preflight(METHODS)
}

/// Difference `rate-limit-key`.
fn within_limit(context: &Context, rules: &Rules) -> bool {
    let forwarded = context.forwarded_address();
    let is_told = forwarded.is_some();
    let key = forwarded.or_else(|| {
        rules
            .documented(Difference::RateLimitKey)
            .then(|| context.peer_address())
            .flatten()
    });
    let admitted = key.is_none_or(|key| context.sandbox.check_rate_limit(Limit::Revoke, &key));
    // Whom no header tells, the deployed server never refuses.
    rules.record_divergence(Difference::RateLimitKey, !admitted && !is_told);
    admitted
}

/// The client that the body names, and who may read the answer. A page that calls for a public client must be
/// of one of its origins; HTTP Basic is not read here.
fn caller(context: &Context, params: &Params) -> Result<(Option<Arc<Client>>, Cors), OAuthError> {
    let sandbox = &context.sandbox;
    let client = match params.text("client_id") {
        Some(id) => sandbox.world().find_client(id),
        None => None,
    };
    let cors = match (&client, context.origin()) {
        (Some(client), Some(origin)) if !client.confidential => {
            if !client.allows_origin(origin) {
                return Err(OAuthError::new(
                    ErrorCode::OriginNotAllowed,
                    "Origin is not in the registered allowedOrigins for this client.",
                ));
            }
            Cors::Origin(origin.to_owned(), METHODS)
        }
        _ => Cors::Any(METHODS),
    };
    Ok((client, cors))
}

async fn revoke(
    context: &Context,
    params: &Params,
    client: Option<&Client>,
    rules: &Rules,
) -> Result<(), OAuthError> {
    let sandbox = &context.sandbox;
    let Some(presented) = params.non_empty("token").map(Secret::new) else {
        return Err(OAuthError::invalid_request("Missing token parameter"));
    };
    let user = session::cookie_user(context);
    let secret = params.non_empty("client_secret").map(Secret::new);
    let app = client.filter(|client| client.owns_secret(secret.as_ref()));
    // The hint of RFC 7009 §2.1 is not needed: a token is found whatever kind it is.
    let Some(token) = sandbox.world().find_token(&presented.hash()) else {
        return Ok(());
    };
    let by_public_client = client.is_some_and(|client| is_of_public_client(&token, client, rules));
    if may_revoke(&token, user.as_deref(), app, rules) || by_public_client {
        sandbox.store.revoke_token(sandbox.world(), &token).await?;
    } else {
        context.notes.idle(match (client, &secret) {
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
fn is_of_public_client(token: &Token, client: &Client, rules: &Rules) -> bool {
    if client.confidential || client.id != token.client_id {
        return false;
    }
    rules.record_divergence(Difference::RevokeByPublicClient, true);
    rules.side(Difference::RevokeByPublicClient) == Contract::Live
}

/// A signed-in user goes before the app.
fn may_revoke(token: &Token, user: Option<&User>, app: Option<&Client>, rules: &Rules) -> bool {
    if user.is_some_and(|user| user.id == token.user_id) {
        return true;
    }
    let Some(app) = app else {
        return false;
    };
    let as_documented = app.id == token.client_id;
    let as_live = user.is_none() && app.owner == token.user_id;
    rules.record_divergence(Difference::RevokeByClient, as_documented != as_live);
    match rules.side(Difference::RevokeByClient) {
        Contract::Documented => as_documented,
        Contract::Live | Contract::Live2026_08 => as_live,
    }
}
