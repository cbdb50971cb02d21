//! GET `/userinfo` (OpenID Connect Core §5.3): who the bearer acts for.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Value, json};

use crate::contract::{Difference, Rules};
use crate::model::user::User;
use crate::oauth::extract::Context;
use crate::oauth::respond::{self, Cors};
use crate::oauth::session;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::scope::Scope;

/// What other methods are told.
pub(crate) const ALLOW: &str = "GET, OPTIONS, HEAD";

const METHODS: &str = "GET";

/// `GET /userinfo`.
pub(crate) async fn get(context: Context) -> Response {
    match bearer(&context) {
        Ok(user) => respond::ok(&claims(&user, context.rules()), Cors::Any(METHODS)),
        Err(why) => respond::error(&why, Cors::Any(METHODS)),
    }
}

/// `OPTIONS /userinfo`.
pub(crate) async fn options() -> Response {
    respond::preflight(METHODS)
}

fn bearer(context: &Context) -> Result<Arc<User>, OAuthError> {
    let hash = session::bearer_hash(&context.headers)
        .ok_or_else(|| OAuthError::invalid_token("Missing bearer token"))?;
    let sandbox = &context.sandbox;
    let unknown = || OAuthError::invalid_token("Invalid or expired token");
    let found = sandbox.world().bearer(&hash, sandbox.now());
    let (scope, client, user) = found.ok_or_else(unknown)?;
    context.notes.client(client);
    if !scope.covers(Scope::USER_READ) {
        return Err(OAuthError::new(
            ErrorCode::InsufficientScope,
            "Token does not have UserRead scope",
        ));
    }
    let user = user.ok_or_else(unknown)?;
    context.notes.user(user.id);
    Ok(user)
}

/// The claims; which of them is the difference `userinfo-claims`.
fn claims(user: &User, rules: &Rules) -> Value {
    let mut claims = json!({ "sub": user.id.to_string(), "id": user.id });
    if let Some(username) = &user.username {
        for name in ["username", "preferred_username", "name"] {
            claims[name] = username.as_str().into();
        }
    }
    if let Some(image) = &user.image {
        claims["picture"] = image.as_str().into();
        claims["image"] = image.as_str().into();
    }
    rules.otherwise(Difference::UserinfoClaims, true);
    if rules.live(Difference::UserinfoClaims) {
        claims["roles"] = json!(user.roles);
        claims["isModerator"] = user.moderator.into();
        if let Some(tier) = &user.tier {
            claims["tier"] = tier.as_str().into();
        }
    }
    if let Some(email) = &user.email {
        claims["email"] = email.as_str().into();
        claims["email_verified"] = user.email_verified.into();
    }
    claims
}
