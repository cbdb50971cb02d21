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
use super::layout::{PATH, back, frame, visitor};
use crate::control::ControlError;
use crate::http::context::RequestContext;
use crate::http::{respond, session};
use crate::model::client::Client;
use crate::model::user::User;
use crate::oauth::clients::MOST_CLIENTS;
use crate::pages::view::{AppCard, Layout, Page, page};
use crate::protocol::ids::ClientId;
use crate::protocol::secret::Secret;
use crate::store::StoreError;

/// An app as its owner sees it.
pub(crate) struct OwnApp {
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
    frame: Layout,
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
    frame: Layout,
    account: String,
    app: AppCard,
    confidential: bool,
    id: &'a str,
    secret: Option<&'a str>,
}

impl Page for AppPage {
    fn frame(&self) -> &Layout {
        &self.frame
    }
}

impl Page for SecretPage<'_> {
    fn frame(&self) -> &Layout {
        &self.frame
    }
}

/// The apps of this user, in the order of their registration.
pub(crate) fn list(context: &RequestContext, user: &User) -> Vec<OwnApp> {
    let sandbox = &context.sandbox;
    let clients = sandbox.data().list_clients();
    let own = clients.into_iter().filter(|client| client.owner == user.id);
    let shown = own.map(|client| OwnApp {
        path: context.base.path(&path(client.id.as_str())),
        id: client.id.to_string(),
        card: AppCard::of(&client),
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

/// The path of an app's pages. The ID is percent-encoded.
fn path(id: &str) -> String {
    let id: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    format!("{PATH}/apps/{}", id.replace('+', "%20"))
}

/// `GET /user/account/new-app`: the empty form.
pub(crate) async fn new(context: RequestContext) -> Response {
    match visitor(&context) {
        Ok(_) => form(&context, StatusCode::OK, None, AppForm::new()),
        Err(response) => response,
    }
}

fn form(
    context: &RequestContext,
    status: StatusCode,
    id: Option<String>,
    form: AppForm,
) -> Response {
    let action = match &id {
        Some(id) => path(id),
        None => format!("{PATH}/new-app"),
    };
    let shown = AppPage {
        frame: frame(context),
        action: context.base.path(&action),
        account: context.base.path(PATH),
        id,
        form,
    };
    page(status, &shown)
}

/// `POST /user/account/new-app`. Redirects to the page that shows the secret once.
pub(crate) async fn register(context: RequestContext) -> Response {
    let params = context.form_params();
    let user = match visitor(&context) {
        Ok(user) => user,
        Err(response) => return response,
    };
    let registration = match AppForm::sent(params).check(context.rules()) {
        Ok(registration) => registration,
        Err(wrong) => return form(&context, StatusCode::BAD_REQUEST, None, *wrong),
    };
    let entropy = &context.sandbox.entropy;
    let id = ClientId(entropy.uuid());
    let mut client = registration.into_client(id, user.id, context.rules());
    let secret = client.confidential.then(|| entropy.client_secret());
    client.secret = secret.as_ref().map(Secret::hash);
    let sandbox = &context.sandbox;
    let inserted = sandbox.data().insert_client(&client, MOST_CLIENTS);
    match inserted.await {
        Ok(_) => to_secret(&context, client.id.as_str(), secret.as_ref()),
        Err(why) => respond::failure(&why),
    }
}

/// Cookie that carries a new secret from the form to the page that shows it. The page removes it, so reloading the page
/// creates no second app and no second secret.
const CARRIED: &str = "mock-new-secret";

/// Lifetime of the cookie.
const CARRIED_SECONDS: u32 = 60;

fn carrying(context: &RequestContext, id: &str, secret: &str, seconds: u32) -> String {
    let cookie = Cookie::build((CARRIED, secret))
        .path(context.base.path(&format!("{}/secret", path(id))))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(context.base.is_https());
    format!("{cookie}; Max-Age={seconds}")
}

/// Redirects to the page that shows an app's secret.
fn to_secret(context: &RequestContext, id: &str, secret: Option<&Secret>) -> Response {
    let shown = respond::see_other(&context.base.path(&format!("{}/secret", path(id))));
    let cookie = secret.map(|secret| carrying(context, id, secret.reveal(), CARRIED_SECONDS));
    respond::with_cookie(shown, cookie.as_deref())
}

/// `GET /user/account/apps/{id}/secret`: shows the secret of a new app, or a new secret.
pub(crate) async fn secret(context: RequestContext, Path(id): Path<String>) -> Response {
    let client = match own(&context, &id) {
        Ok(client) => client,
        Err(response) => return response,
    };
    let mut carried = session::cookies(&context.headers, CARRIED).map(Secret::new);
    // A secret that is no longer valid is not shown.
    let secret = carried.find(|secret| client.owns_secret(Some(secret)));
    let shown = SecretPage {
        frame: frame(&context),
        account: context.base.path(PATH),
        app: AppCard::of(&client),
        confidential: client.confidential,
        id: &id,
        secret: secret.as_ref().map(Secret::reveal),
    };
    let gone = secret.as_ref().map(|_| carrying(&context, &id, "", 0));
    respond::with_cookie(page(StatusCode::OK, &shown), gone.as_deref())
}

/// The app with this ID, if this user owns it. The error does not reveal whether another user does.
#[expect(
    clippy::result_large_err,
    reason = "the answer is the way out, and is moved once"
)]
fn own(context: &RequestContext, id: &str) -> Result<Client, Response> {
    let user = visitor(context)?;
    let sandbox = &context.sandbox;
    let found = sandbox.data().find_client(id);
    found
        .filter(|client| client.owner == user.id)
        .map(Arc::unwrap_or_clone)
        .ok_or_else(|| back(context))
}

/// `GET /user/account/apps/{id}`.
pub(crate) async fn edit(context: RequestContext, Path(id): Path<String>) -> Response {
    match own(&context, &id) {
        Ok(client) => form(&context, StatusCode::OK, Some(id), AppForm::of(&client)),
        Err(response) => response,
    }
}

/// `POST /user/account/apps/{id}`.
pub(crate) async fn save(context: RequestContext, Path(id): Path<String>) -> Response {
    let params = context.form_params();
    let client = match own(&context, &id) {
        Ok(client) => client,
        Err(response) => return response,
    };
    let sent = AppForm {
        confidential: client.confidential,
        ..AppForm::sent(params)
    };
    match sent.check(context.rules()) {
        Ok(registration) => {
            let sandbox = &context.sandbox;
            let changed = |client: &Client| Ok::<_, StoreError>(registration.onto(client.clone()));
            let kept = sandbox.data().change_client(&id, changed);
            match kept.await {
                Ok(_) => back(&context),
                Err(why) => respond::failure(&why),
            }
        }
        Err(wrong) => form(&context, StatusCode::BAD_REQUEST, Some(id), *wrong),
    }
}

/// `POST /user/account/apps/{id}/rotate-secret`.
pub(crate) async fn rotate(context: RequestContext, Path(id): Path<String>) -> Response {
    match own(&context, &id) {
        Ok(client) if client.confidential => {}
        Ok(_) => return back(&context),
        Err(response) => return response,
    }
    match context.sandbox.rotate_secret(&id).await {
        Ok(new) => to_secret(&context, &id, Some(&new.client_secret)),
        Err(why) => done(&context, Err(why)),
    }
}

/// `POST /user/account/apps/{id}/delete`. Also deletes the app's tokens, codes and consents.
pub(crate) async fn delete(context: RequestContext, Path(id): Path<String>) -> Response {
    if let Err(response) = own(&context, &id) {
        return response;
    }
    done(&context, context.sandbox.delete_client(&id).await)
}

/// Redirects to the account page. An app that was deleted meanwhile is no error.
fn done(context: &RequestContext, outcome: Result<(), ControlError>) -> Response {
    match outcome {
        Err(ControlError::Store(why)) => respond::failure(&why),
        _ => back(context),
    }
}
