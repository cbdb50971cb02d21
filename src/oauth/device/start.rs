//! POST `/device` (RFC 8628 §3.1): a device requests a user code. Accepts only forms; needs no client secret.

use axum::Json;
use axum::response::IntoResponse;
use serde_json::{Value, json};

use crate::contract::Difference;
use crate::http::context::RequestContext;
use crate::model::client::Client;
use crate::model::device::{
    DeviceGrant, INTERVAL_SECONDS, LIFETIME_SECONDS, UserDecision, check_scope_ceiling,
};
use crate::oauth::clients;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::device_requests::DeviceStartRequest;
use crate::protocol::endpoint::DEVICE_PAGE;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::grant_type::GrantType;
use crate::protocol::scope::Scope;
use crate::sandbox::journal::CredentialAction;
use crate::sandbox::rate_limits::Limit;
use crate::store::NewDevice;

/// `POST /device`.
pub(crate) async fn post(context: RequestContext) -> Result<impl IntoResponse, OAuthError> {
    let request = DeviceStartRequest::parse(context.form_params());
    let started = start(&context, request).await?;
    Ok(Json(started))
}

async fn start(
    context: &RequestContext,
    request: Result<DeviceStartRequest, OAuthError>,
) -> Result<Value, OAuthError> {
    let sandbox = &context.sandbox;
    let is_recorded = context
        .rules()
        .follows_recording(Difference::DeviceRateLimits);
    // A malformed request counts too.
    if !is_recorded && !context.check_address_limit(Limit::Device) {
        context.notes.cause(Limit::Device.cause());
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    let request = request?;
    if is_recorded && !sandbox.check_rate_limit(Limit::DeviceFlow, &request.client_id) {
        context.notes.cause(Limit::DeviceFlow.cause());
        return Err(OAuthError::bare(ErrorCode::RateLimited));
    }
    let client = clients::find_or_register(context, &request.client_id).await?;
    let client = client.ok_or_else(|| {
        clients::record_unknown_client(context, &request.client_id);
        OAuthError::invalid_client("Unknown client")
    })?;
    if !client.may_use(GrantType::DeviceCode) {
        clients::record_refused_grant(context, &client, GrantType::DeviceCode);
        return Err(OAuthError::unauthorized_client(
            "Client not authorized for device flow",
        ));
    }
    let scope = scope(&request, &client, context.rules())?;
    check_scope_ceiling(&client, scope)
        .inspect_err(|_| clients::record_refused_scope(context, &client, scope))?;

    let (device_code, user_code) = (sandbox.entropy.device_code(), sandbox.entropy.user_code());
    let now = sandbox.now();
    let grant = DeviceGrant {
        client_id: client.id.clone(),
        scope,
        decision: UserDecision::Pending,
        expires_at: now.plus_seconds(LIFETIME_SECONDS),
    };
    let device = NewDevice {
        device_code: device_code.hash(),
        user_code: user_code.hash(),
        grant,
        now,
    };
    sandbox.data().insert_device(device).await?;
    for hash in [device_code.hash(), user_code.hash()] {
        context.notes.credential(CredentialAction::Issued, &hash);
    }
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

/// The scope of the request, if the client may ask for it.
fn scope(
    request: &DeviceStartRequest,
    client: &Client,
    rules: &ContractRules,
) -> Result<Scope, OAuthError> {
    request
        .scope
        .and_then(|scope| scope.if_it_exists(client.declared_scope(rules), rules))
        .filter(|scope| !scope.covers(Scope::APP_STORE_CATALOG_WRITE))
        // Unlike older bits, this one is rejected as unknown for a client that may not request it.
        .filter(|scope| {
            !scope.covers(Scope::LINK_CONNECT) || client.scope_ceiling().covers(Scope::LINK_CONNECT)
        })
        .map(Scope::with_user_read)
        .ok_or_else(|| OAuthError::bare(ErrorCode::InvalidScope))
}
