//! Forms for the apps that a user has authorized: limit the spends of an app, reset its budget, revoke its access.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;

use super::connected::connections;
use super::layout::{Wrong, back, visitor};
use super::limit::LimitForm;
use super::page::show;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::model::buzz::BuzzLimit;
use crate::model::consent::Approval;
use crate::model::user::User;
use crate::protocol::ids::ClientId;
use crate::store::{OwnedTable, OwnerKey, StoreError};

/// `POST /user/account/connected/{client_id}/limit`: replaces all budgets.
pub(crate) async fn limit(context: RequestContext, Path(id): Path<String>) -> Response {
    let params = context.form_params();
    let user = match visitor(&context) {
        Ok(user) => user,
        Err(response) => return response,
    };
    if !connections(&context, &user).contains_key(&id) {
        let wrong = Wrong::Stranger(id);
        return show(&context, &user, StatusCode::NOT_FOUND, Some(&wrong));
    }
    match LimitForm::sent(params).read(context.sandbox.now()) {
        Ok(wanted) => match keep(&context, &user, &id, wanted).await {
            Ok(()) => back(&context),
            Err(why) => respond::failure(&why),
        },
        Err(form) => {
            let wrong = Wrong::Limit { app: id, form };
            show(&context, &user, StatusCode::BAD_REQUEST, Some(&wrong))
        }
    }
}

async fn keep(
    context: &RequestContext,
    user: &User,
    id: &str,
    limit: Option<BuzzLimit>,
) -> Result<(), StoreError> {
    let sandbox = &context.sandbox;
    let data = sandbox.data();
    let Some(client) = data.find_client(id) else {
        return Ok(());
    };
    let approval = Approval {
        remember: None,
        buzz_limit: Some(limit),
    };
    let parties = (user.id, &client.id);
    data.approve_consent(parties, &approval, sandbox.now())
        .await
}

/// `POST /user/account/connected/{client_id}/reset-budget`: resets the absolute budgets.
pub(crate) async fn reset_budget(context: RequestContext, Path(id): Path<String>) -> Response {
    let user = match visitor(&context) {
        Ok(user) => user,
        Err(response) => return response,
    };
    let sandbox = &context.sandbox;
    let client = ClientId(id);
    let parties = (user.id, &client);
    match sandbox.data().forgive_spends(parties).await {
        Ok(_) => back(&context),
        Err(why) => respond::failure(&why),
    }
}

/// `POST /user/account/connected/{client_id}/revoke`: deletes its tokens, its consent and the record of its spends, as
/// Civitai does at its orchestrator.
pub(crate) async fn revoke(context: RequestContext, Path(id): Path<String>) -> Response {
    let user = match visitor(&context) {
        Ok(user) => user,
        Err(response) => return response,
    };
    let sandbox = &context.sandbox;
    let whose = OwnerKey {
        user: Some(user.id),
        client: Some(id.as_str()),
    };
    let held = [OwnedTable::Consents, OwnedTable::Spends, OwnedTable::Tokens];
    match sandbox.data().delete_owned(&held, whose).await {
        Ok(_) => back(&context),
        Err(why) => respond::failure(&why),
    }
}
