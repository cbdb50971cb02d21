//! POST `/device-info`, `/device-approve` and `/device-deny`: the calls of Civitai's page for the signed-in user. Our
//! page (`pages/site/device.rs`) uses the same functions.

use std::sync::Arc;

use axum::Json;
use axum::response::IntoResponse;
use serde_json::json;

use crate::http::context::RequestContext;
use crate::http::session;
use crate::model::client::Client;
use crate::model::device::{DeviceGrant, UserDecision};
use crate::model::refusal_cause::CredentialKind;
use crate::model::user::User;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::secret::{Secret, SecretHash};
use crate::protocol::user_code::normalise;
use crate::sandbox::Sandbox;
use crate::sandbox::credential_cause::RefusedCredential;
use crate::sandbox::journal::CredentialAction;

/// `POST /device-info`.
pub(crate) async fn info(context: RequestContext) -> Result<impl IntoResponse, OAuthError> {
    let (_, user_code) = signed_in_user_and_code(&context)?;
    let (grant, client) = pending(&context, &user_code)?;
    let shown = json!({
        "name": client.name,
        "description": client.description,
        "logoUrl": client.logo_url,
        "isVerified": client.verified,
    });
    let labels = grant.scope.labels(context.rules());
    Ok(Json(json!({ "client": shown, "scopes": labels })))
}

/// `POST /device-approve`.
pub(crate) async fn approve(context: RequestContext) -> Result<impl IntoResponse, OAuthError> {
    let (user, user_code) = signed_in_user_and_code(&context)?;
    let decision = UserDecision::Approved { by: user.id };
    decide_in_browser(&context, &user_code, decision).await?;
    Ok(Json(json!({ "success": true })))
}

/// `POST /device-deny`. The difference `device-deny` added it.
pub(crate) async fn deny(context: RequestContext) -> Result<impl IntoResponse, OAuthError> {
    let (user, user_code) = signed_in_user_and_code(&context)?;
    let decision = UserDecision::Denied { by: Some(user.id) };
    decide_in_browser(&context, &user_code, decision).await?;
    Ok(Json(json!({ "success": true })))
}

/// The signed-in user and the user code. Errors: the request is not signed in, rate-limited or has no code.
fn signed_in_user_and_code(context: &RequestContext) -> Result<(Arc<User>, String), OAuthError> {
    let user = session::user(context);
    let user = user.ok_or_else(|| OAuthError::bare(ErrorCode::Unauthorized))?;
    let user_code = context.params().non_empty("user_code");
    let user_code = user_code.ok_or_else(|| OAuthError::invalid_request("Missing user_code"))?;
    Ok((user, user_code))
}

fn invalid_code(description: &'static str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidCode, description)
}

fn hash(user_code: &str) -> SecretHash {
    Secret::new(normalise(user_code)).hash()
}

/// The pending authorization of a user code, and its client.
pub(crate) fn pending(
    context: &RequestContext,
    user_code: &str,
) -> Result<(DeviceGrant, Arc<Client>), OAuthError> {
    let sandbox = &context.sandbox;
    let grant =
        waiting(sandbox, user_code).inspect_err(|_| record_refused_code(context, user_code))?;
    let client = sandbox.data().find_client(grant.client_id.as_str());
    let client = client.ok_or_else(|| invalid_code("Unknown application"))?;
    Ok((grant, client))
}

fn waiting(sandbox: &Sandbox, user_code: &str) -> Result<DeviceGrant, OAuthError> {
    let found = sandbox
        .data()
        .find_device_by_user_code(&hash(user_code), sandbox.now());
    match found {
        Some(grant) if grant.decision == UserDecision::Pending => Ok(grant),
        // The decision of a user consumes the user code; a denial through the control API does not.
        Some(grant) if grant.decision == (UserDecision::Denied { by: None }) => {
            Err(invalid_code("Code already used or expired"))
        }
        _ => Err(invalid_code("Invalid or expired code")),
    }
}

fn record_refused_code(context: &RequestContext, user_code: &str) {
    context.record_refused_credential(RefusedCredential {
        kind: CredentialKind::UserCode,
        hash: hash(user_code),
        client: None,
    });
}

/// As [`decide`], for the request of a browser.
pub(crate) async fn decide_in_browser(
    context: &RequestContext,
    user_code: &str,
    decision: UserDecision,
) -> Result<(), OAuthError> {
    decide(&context.sandbox, user_code, decision)
        .await
        .inspect_err(|_| record_refused_code(context, user_code))?;
    context
        .notes
        .credential(CredentialAction::Used, &hash(user_code));
    Ok(())
}

/// Approves or denies the authorization of a user code, once.
pub(crate) async fn decide(
    sandbox: &Sandbox,
    user_code: &str,
    decision: UserDecision,
) -> Result<(), OAuthError> {
    waiting(sandbox, user_code)?;
    let (code, now) = (hash(user_code), sandbox.now());
    if sandbox.data().decide_device(&code, decision, now).await? {
        Ok(())
    } else {
        Err(invalid_code("Invalid or expired code"))
    }
}
