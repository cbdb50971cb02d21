//! `GET /api/v1/me`: the user, and the scope of the token. Source: developer.civitai.com and civitai/civitai,
//! `pages/api/v1/me.ts`.

use axum::Json;
use axum::http::header::ALLOW;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::caller::{self, Caller};
use crate::contract::{Contract, Difference};
use crate::http::context::RequestContext;
use crate::model::buzz::BuzzLimit;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::scope::Scope;

/// `GET /api/v1/me`, with a token or a session.
pub(crate) async fn get(
    context: RequestContext,
    uri: Uri,
) -> Result<impl IntoResponse, Unauthorized> {
    let shown = show(&context, uri.query()).ok_or(Unauthorized)?;
    Ok(Json(shown))
}

/// There is no valid token or session.
#[derive(Debug)]
pub(crate) struct Unauthorized;

impl IntoResponse for Unauthorized {
    fn into_response(self) -> Response {
        let body = json!({ "error": "Unauthorized" });
        (StatusCode::UNAUTHORIZED, Json(body)).into_response()
    }
}

/// 405 for other methods.
pub(crate) fn method_not_allowed(allow: &'static str) -> Response {
    let body = json!({ "error": "Method not allowed" });
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, allow)], Json(body)).into_response()
}

fn show(context: &RequestContext, query: Option<&str>) -> Option<Value> {
    let caller = caller::authenticate_site(context, query)?;
    let sandbox = &context.sandbox;
    let limit = match &caller.app {
        Some(app) => {
            let (data, user) = (sandbox.data(), caller.user.id);
            let consent = data.find_consent(user, &app.client);
            consent.and_then(|consent| consent.buzz_limit)
        }
        None => None,
    };
    Some(render(&caller, limit.as_ref(), context.rules()))
}

fn render(caller: &Caller, limit: Option<&BuzzLimit>, rules: &ContractRules) -> Value {
    let user = &caller.user;
    let mut body = json!({ "id": user.id, "username": user.username });
    if let Some(tier) = &user.tier {
        body["tier"] = tier.as_str().into();
    }
    // Banned users are rejected before.
    body["status"] = if user.muted { "muted" } else { "active" }.into();
    body["isMember"] = user.tier.as_ref().is_some_and(|tier| tier != "free").into();
    body["subscriptions"] = json!(user.subscriptions);
    let reads_user = caller.may(Scope::USER_READ);
    rules.record_divergence(Difference::MeIsModerator, reads_user);
    if reads_user && rules.contract_for(Difference::MeIsModerator) == Contract::Live {
        body["isModerator"] = user.moderator.into();
    }
    if let (Some(email), true) = (&user.email, reads_user) {
        body["email"] = email.as_str().into();
        body["emailVerified"] = user.email_verified.into();
    }
    if let Some(app) = &caller.app {
        body["tokenScope"] = app.scope.bits().into();
        body["buzzLimit"] = json!(limit);
        body["subject"] = json!({ "type": "oauth", "id": app.client });
    }
    body
}
