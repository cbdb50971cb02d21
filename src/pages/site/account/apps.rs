//! Forms for the apps that a user has registered: register, edit, rotate the secret, delete. Only the owner of an app
//! sees it here.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};

use super::form::AppForm;
use super::grid::Row;
use super::layout::{AccountBar, PATH, layout, path_segment, signed_in_user, to_account_page};
use crate::control::ControlError;
use crate::http::context::RequestContext;
use crate::http::{respond, session};
use crate::model::client::Client;
use crate::model::user::User;
use crate::oauth::clients::MOST_CLIENTS;
use crate::pages::site::layout::{SiteLayout, site_page};
use crate::pages::view::{AppCard, EarlyResponse, PageResult};
use crate::protocol::ids::ClientId;
use crate::protocol::secret::Secret;
use crate::store::StoreError;

/// An app as its owner sees it.
pub(crate) struct RegisteredApp {
    pub(crate) id: String,
    pub(crate) card: AppCard,
    pub(crate) confidential: bool,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) grants: String,
    pub(crate) path: String,
}

#[derive(Template)]
#[template(path = "app.html")]
struct AppPage {
    layout: SiteLayout,
    bar: Option<AccountBar>,
    /// The target of the form.
    action: String,
    account: String,
    /// The app's ID; None for a new app.
    id: Option<String>,
    form: AppForm,
}

impl AppPage {
    fn presets(&self) -> Vec<(&'static str, &'static str, bool)> {
        self.form.presets()
    }

    fn grid(&self) -> Vec<Row> {
        self.form.grid()
    }
}

#[derive(Template)]
#[template(path = "secret.html")]
struct SecretPage<'a> {
    layout: SiteLayout,
    bar: Option<AccountBar>,
    account: String,
    app: AppCard,
    confidential: bool,
    id: &'a str,
    secret: Option<&'a str>,
}

/// The apps of this user, in the order of their registration.
pub(crate) fn list(context: &RequestContext, user: &User) -> Vec<RegisteredApp> {
    let sandbox = &context.sandbox;
    let clients = sandbox.data().list_clients();
    let own = clients.into_iter().filter(|client| client.owner == user.id);
    let shown = own.map(|client| RegisteredApp {
        path: context.base.path(&app_path(client.id.as_str())),
        id: client.id.to_string(),
        card: AppCard::new(&client),
        confidential: client.confidential,
        grants: client
            .grants
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", "),
        redirect_uris: client.redirect_uris,
    });
    shown.collect()
}

/// The path of an app's pages.
fn app_path(id: &str) -> String {
    format!("{PATH}/apps/{}", path_segment(id))
}

/// `GET /user/account/new-app`: the empty form.
pub(crate) async fn new(context: RequestContext) -> PageResult {
    signed_in_user(&context)?;
    Ok(show_form(&context, StatusCode::OK, None, AppForm::empty()))
}

fn show_form(
    context: &RequestContext,
    status: StatusCode,
    id: Option<String>,
    form: AppForm,
) -> Response {
    let action = match &id {
        Some(id) => app_path(id),
        None => format!("{PATH}/new-app"),
    };
    let shown = AppPage {
        layout: layout(context),
        bar: AccountBar::new(context),
        action: context.base.path(&action),
        account: context.base.path(PATH),
        id,
        form,
    };
    site_page(status, &shown.layout, &shown)
}

/// `POST /user/account/new-app`. Redirects to the page that shows the secret once.
pub(crate) async fn register(context: RequestContext) -> PageResult {
    let params = context.form_params();
    let user = signed_in_user(&context)?;
    let registration = AppForm::parse(params).check(context.rules());
    let registration = registration
        .map_err(|rejected| show_form(&context, StatusCode::BAD_REQUEST, None, *rejected))?;
    let entropy = &context.sandbox.entropy;
    let id = ClientId(entropy.uuid());
    let mut client = registration.into_client(id, user.id, context.rules());
    let secret = client.confidential.then(|| entropy.client_secret());
    client.secret = secret.as_ref().map(Secret::hash);
    let sandbox = &context.sandbox;
    let inserted = sandbox.data().insert_client(&client, MOST_CLIENTS);
    inserted.await?;
    Ok(to_secret_page(
        &context,
        client.id.as_str(),
        secret.as_ref(),
    ))
}

/// Cookie that carries a new secret from the form to the page that shows it. The page removes it, so reloading the page
/// creates no second app and no second secret.
const SECRET_COOKIE: &str = "mock-new-secret";

/// Lifetime of the cookie.
const SECRET_COOKIE_SECONDS: u32 = 60;

fn secret_cookie(context: &RequestContext, id: &str, secret: &str, seconds: u32) -> String {
    let cookie = Cookie::build((SECRET_COOKIE, secret))
        .path(context.base.path(&format!("{}/secret", app_path(id))))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(context.base.is_https());
    format!("{cookie}; Max-Age={seconds}")
}

/// Redirects to the page that shows an app's secret.
fn to_secret_page(context: &RequestContext, id: &str, secret: Option<&Secret>) -> Response {
    let shown = respond::see_other(&context.base.path(&format!("{}/secret", app_path(id))));
    let cookie =
        secret.map(|secret| secret_cookie(context, id, secret.reveal(), SECRET_COOKIE_SECONDS));
    respond::with_cookie(shown, cookie.as_deref())
}

/// `GET /user/account/apps/{id}/secret`: shows the secret of a new app, or a new secret.
pub(crate) async fn secret(context: RequestContext, Path(id): Path<String>) -> PageResult {
    let client = owned_app(&context, &id)?;
    let mut secrets = session::cookies(&context.headers, SECRET_COOKIE).map(Secret::new);
    // A secret that is no longer valid is not shown.
    let secret = secrets.find(|secret| client.owns_secret(Some(secret)));
    let shown = SecretPage {
        layout: layout(&context),
        bar: AccountBar::new(&context),
        account: context.base.path(PATH),
        app: AppCard::new(&client),
        confidential: client.confidential,
        id: &id,
        secret: secret.as_ref().map(Secret::reveal),
    };
    let removal = secret.as_ref().map(|_| secret_cookie(&context, &id, "", 0));
    let response = site_page(StatusCode::OK, &shown.layout, &shown);
    Ok(respond::with_cookie(response, removal.as_deref()))
}

/// The app with this ID, if this user owns it. The error does not reveal whether another user does.
fn owned_app(context: &RequestContext, id: &str) -> Result<Client, EarlyResponse> {
    let user = signed_in_user(context)?;
    let sandbox = &context.sandbox;
    let found = sandbox.data().find_client(id);
    found
        .filter(|client| client.owner == user.id)
        .map(Arc::unwrap_or_clone)
        .ok_or_else(|| to_account_page(context).into())
}

/// `GET /user/account/apps/{id}`.
pub(crate) async fn edit(context: RequestContext, Path(id): Path<String>) -> PageResult {
    let form = AppForm::for_client(&owned_app(&context, &id)?);
    Ok(show_form(&context, StatusCode::OK, Some(id), form))
}

/// `POST /user/account/apps/{id}`.
pub(crate) async fn save(context: RequestContext, Path(id): Path<String>) -> PageResult {
    let params = context.form_params();
    let form = AppForm {
        confidential: owned_app(&context, &id)?.confidential,
        ..AppForm::parse(params)
    };
    let registration = form.check(context.rules()).map_err(|rejected| {
        show_form(
            &context,
            StatusCode::BAD_REQUEST,
            Some(id.clone()),
            *rejected,
        )
    })?;
    let sandbox = &context.sandbox;
    let apply = |client: &Client| Ok::<_, StoreError>(registration.onto(client.clone()));
    sandbox.data().change_client(&id, apply).await?;
    Ok(to_account_page(&context))
}

/// `POST /user/account/apps/{id}/rotate-secret`.
pub(crate) async fn rotate(context: RequestContext, Path(id): Path<String>) -> PageResult {
    if !owned_app(&context, &id)?.confidential {
        return Ok(to_account_page(&context));
    }
    match context.sandbox.rotate_secret(&id).await {
        Ok(new) => Ok(to_secret_page(&context, &id, Some(&new.client_secret))),
        Err(error) => finish(&context, Err(error)),
    }
}

/// `POST /user/account/apps/{id}/delete`. Also deletes the app's tokens, codes and consents.
pub(crate) async fn delete(context: RequestContext, Path(id): Path<String>) -> PageResult {
    owned_app(&context, &id)?;
    finish(&context, context.sandbox.delete_client(&id).await)
}

/// Redirects to the account page. An app that was deleted meanwhile is not an error.
fn finish(context: &RequestContext, outcome: Result<(), ControlError>) -> PageResult {
    match outcome {
        Err(ControlError::Store(error)) => Err(error.into()),
        _ => Ok(to_account_page(context)),
    }
}
