//! GET `/userinfo` (OpenID Connect Core §5.3): claims about the user of a bearer token.

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse;
use serde::Serialize;

use crate::contract::Difference;
use crate::http::context::RequestContext;
use crate::http::session;
use crate::model::refusal_cause::{CredentialKind, RefusalCause};
use crate::model::user::User;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::ids::UserId;
use crate::protocol::scope::Scope;
use crate::sandbox::credential_cause::RefusedCredential;

/// `GET /userinfo`.
pub(crate) async fn get(context: RequestContext) -> Result<impl IntoResponse, OAuthError> {
    let user = bearer(&context)?;
    Ok(Json(Claims::new(&user, context.rules())).into_response())
}

fn bearer(context: &RequestContext) -> Result<Arc<User>, OAuthError> {
    let hash = session::bearer_hash(&context.headers)
        .ok_or_else(|| OAuthError::invalid_token("Missing bearer token"))?;
    let sandbox = &context.sandbox;
    let unknown = || OAuthError::invalid_token("Invalid or expired token");
    let found = sandbox.data().bearer(&hash, sandbox.now());
    let (scope, client, user) = found.ok_or_else(|| {
        context.record_refused_credential(RefusedCredential::access_token(hash));
        unknown()
    })?;
    context.notes.client(client);
    if session::is_client_credentials_only_scope(scope, context.rules()) {
        context.notes.cause(RefusalCause::ClientCredentialsToken);
        return Err(unknown());
    }
    if !scope.covers(Scope::USER_READ) {
        let cause = RefusalCause::insufficient_scope(Scope::USER_READ, scope);
        context.notes.cause(cause);
        return Err(OAuthError::new(
            ErrorCode::InsufficientScope,
            "Token does not have UserRead scope",
        ));
    }
    let user = user.ok_or_else(|| {
        let credential = CredentialKind::AccessToken;
        let cause = RefusalCause::UserUnavailable { credential };
        context.notes.cause(cause);
        unknown()
    })?;
    context.notes.user(user.id);
    Ok(user)
}

/// Claims about a user. Unknown values are omitted.
#[derive(Serialize)]
struct Claims<'a> {
    sub: String,
    id: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<&'a [String]>,
    #[serde(rename = "isModerator", skip_serializing_if = "Option::is_none")]
    is_moderator: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tier: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

impl<'a> Claims<'a> {
    /// The difference `userinfo-claims` decides which claims are included.
    fn new(user: &'a User, rules: &ContractRules) -> Self {
        rules.record_divergence(Difference::UserinfoClaims, true);
        let is_live = rules.follows_deployed_server(Difference::UserinfoClaims);
        let (username, image) = (user.username.as_deref(), user.image.as_deref());
        let email = user.email.as_deref();
        Self {
            sub: user.id.to_string(),
            id: user.id,
            username,
            preferred_username: username,
            name: username,
            picture: image,
            image,
            roles: is_live.then_some(&user.roles),
            is_moderator: is_live.then_some(user.moderator),
            tier: user.tier.as_deref().filter(|_| is_live),
            email,
            email_verified: email.map(|_| user.email_verified),
        }
    }
}
