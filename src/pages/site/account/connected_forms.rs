//! Forms for the apps that a user has authorized: limit the spends of an app, reset its budget, revoke its access.

use axum::extract::Path;
use axum::http::StatusCode;

use super::connected::connections;
use super::layout::{FormError, signed_in_user, to_account_page};
use super::limit::LimitForm;
use super::page::show;
use crate::http::context::RequestContext;
use crate::model::buzz::BuzzLimit;
use crate::model::consent::Approval;
use crate::model::user::User;
use crate::pages::view::PageResult;
use crate::protocol::ids::ClientId;
use crate::store::{GrantTable, StoreError, UserClientFilter};

/// `POST /user/account/connected/{client_id}/limit`: replaces all budgets.
pub(crate) async fn limit(context: RequestContext, Path(id): Path<String>) -> PageResult {
    let params = context.form_params();
    let user = signed_in_user(&context)?;
    if !connections(&context, &user).contains_key(&id) {
        let error = FormError::NotConnected(id);
        return Ok(show(&context, &user, StatusCode::NOT_FOUND, &error));
    }
    match LimitForm::parse(params).read(context.sandbox.now()) {
        Ok(limit) => {
            store_limit(&context, &user, &id, limit).await?;
            Ok(to_account_page(&context))
        }
        Err(form) => {
            let error = FormError::Limit { app: id, form };
            Ok(show(&context, &user, StatusCode::BAD_REQUEST, &error))
        }
    }
}

async fn store_limit(
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
    data.approve_consent(user.id, &client.id, &approval, sandbox.now())
        .await
}

/// `POST /user/account/connected/{client_id}/reset-budget`: resets the absolute budgets.
pub(crate) async fn reset_budget(context: RequestContext, Path(id): Path<String>) -> PageResult {
    let user = signed_in_user(&context)?;
    let sandbox = &context.sandbox;
    let client = ClientId(id);
    sandbox
        .data()
        .reset_absolute_budgets(user.id, &client)
        .await?;
    Ok(to_account_page(&context))
}

/// `POST /user/account/connected/{client_id}/revoke`: deletes its tokens, its consent and the record of its spends, as
/// Civitai does at its orchestrator.
pub(crate) async fn revoke(context: RequestContext, Path(id): Path<String>) -> PageResult {
    let user = signed_in_user(&context)?;
    let sandbox = &context.sandbox;
    let owner = UserClientFilter {
        user: Some(user.id),
        client: Some(id.as_str()),
    };
    let tables = [GrantTable::Consents, GrantTable::Spends, GrantTable::Tokens];
    sandbox.data().delete_grants(&tables, owner).await?;
    Ok(to_account_page(&context))
}
