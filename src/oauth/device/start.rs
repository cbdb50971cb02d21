//! POST `/device` (RFC 8628 §3.1): a device requests a user code. Accepts only forms; needs no client secret.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::contract::Difference;
use crate::http::context::Context;
use crate::model::client::{Client, Grant};
use crate::model::device::{
    DeviceGrant, INTERVAL_SECONDS, LIFETIME_SECONDS, Verdict, check_ceiling,
};
use crate::oauth::clients;
use crate::protocol::endpoint::DEVICE_PAGE;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;
use crate::protocol::rules::Rules;
use crate::protocol::scope::{Scope, leading_integer};
use crate::sandbox::rate_limits::Limit;

/// `POST /device`.
pub(crate) async fn post(context: Context) -> Result<impl IntoResponse, OAuthError> {
    let started = start(&context, context.form_params()).await?;
    Ok(Json(started))
}

async fn start(context: &Context, params: &Params) -> Result<Value, OAuthError> {
    let sandbox = &context.sandbox;
    let is_recorded = context.rules().recorded(Difference::DeviceRateLimits);
    if !is_recorded && !context.admits_address(Limit::Device) {
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    let id = params.non_empty("client_id");
    let id = id.ok_or_else(|| OAuthError::invalid_request("Missing client_id"))?;
    if ClientId::is_app_block(&id) {
        return Err(OAuthError::invalid_client(
            "This client cannot be used for the device flow",
        ));
    }
    if is_recorded && !sandbox.check_rate_limit(Limit::DeviceFlow, &id) {
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    let client = clients::find(context, &id).await?;
    let client = client.ok_or_else(|| OAuthError::invalid_client("Unknown client"))?;
    if !client.may_use(Grant::DeviceCode) {
        return Err(OAuthError::unauthorized_client(
            "Client not authorized for device flow",
        ));
    }
    let scope = scope(params, &client, context.rules())?;
    check_ceiling(&client, scope)?;

    let (device_code, user_code) = (sandbox.entropy.device_code(), sandbox.entropy.user_code());
    let now = sandbox.now();
    let grant = DeviceGrant {
        client_id: client.id.clone(),
        scope,
        verdict: Verdict::Pending,
        expires_at: now.plus_seconds(LIFETIME_SECONDS),
    };
    let hashes = (&device_code.hash(), &user_code.hash());
    sandbox.data().insert_device(hashes, grant, now).await?;
    let page = format!("{}{}", context.base, DEVICE_PAGE.path());
    Ok(json!({
        "device_code": device_code.reveal(),
        "user_code": user_code.reveal(),
        "verification_uri": page,
        "verification_uri_complete": format!("{page}?code={}", user_code.reveal()),
        "expires_in": LIFETIME_SECONDS,
        "interval": INTERVAL_SECONDS,
    }))
}

/// Reads the leading digits under every contract; an unreadable scope is 0.
fn scope(params: &Params, client: &Client, rules: &Rules) -> Result<Scope, OAuthError> {
    let number = params
        .text("scope")
        .and_then(leading_integer)
        .unwrap_or_default();
    u32::try_from(number)
        .ok()
        .map(Scope::of_any_bits)
        .and_then(|scope| scope.if_it_exists(client.declared_scope(rules), rules))
        .filter(|scope| !scope.covers(Scope::APP_STORE_CATALOG_WRITE))
        // Unlike older bits, this one is rejected as unknown for a client that may not request it.
        .filter(|scope| {
            !scope.covers(Scope::LINK_CONNECT) || client.ceiling().covers(Scope::LINK_CONNECT)
        })
        .map(Scope::with_user_read)
        .ok_or_else(|| OAuthError::bare(ErrorCode::InvalidScope))
}
