//! `/user/account`: the apps that one has registered (`apps.rs`), and those that one has let in (`connected.rs`).

pub(crate) mod apps;
pub(crate) mod connected;
mod form;

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::assets;
use super::view::{Avatar, Frame, Page, Place, page};
use crate::model::user::User;
use crate::oauth::authorize::with_return;
use crate::oauth::extract::Context;
use crate::oauth::respond;
use crate::oauth::session;
use apps::OwnApp;
use connected::ConnectedApp;

/// Where the page is.
const PATH: &str = "/user/account";

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    name: String,
    avatar: Avatar,
    email: Option<String>,
    switch: String,
    /// Below it are the forms' targets.
    here: String,
    apps: Vec<OwnApp>,
    connected: Vec<ConnectedApp>,
}

impl Page for Account {
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// `GET /user/account`.
pub(crate) async fn get(context: Context) -> Response {
    match visitor(&context) {
        Ok(user) => show(&context, &user, StatusCode::OK, None).await,
        Err(response) => response,
    }
}

/// The page, with what is wrong with the limit that was sent for an app.
async fn show(
    context: &Context,
    user: &User,
    status: StatusCode,
    wrong: Option<(&str, String)>,
) -> Response {
    page(status, &account(context, user, wrong))
}

fn account(context: &Context, user: &User, wrong: Option<(&str, String)>) -> Account {
    let base = &context.base;
    let here = base.path(PATH);
    Account {
        frame: frame(context),
        name: user.display_name(),
        avatar: Avatar::of_user(user),
        email: user.email.clone(),
        switch: with_return(base.path("/login"), &here),
        apps: apps::list(context, user),
        connected: connected::list(context, user, wrong),
        here,
    }
}

fn frame(context: &Context) -> Frame {
    let base = &context.base;
    Frame::at(base, Place::Account).with_script(base, &assets::COPY)
}

/// Whoever is signed in; nobody is sent to the sign-in page.
#[expect(
    clippy::result_large_err,
    reason = "the answer is the way out, and is moved once"
)]
fn visitor(context: &Context) -> Result<Arc<User>, Response> {
    session::user(context).ok_or_else(|| {
        let (login, here) = (context.base.path("/login"), context.base.path(PATH));
        respond::see_other(&with_return(login, &here))
    })
}

/// Back to the page, after what a form asked for.
fn back(context: &Context) -> Response {
    respond::see_other(&context.base.path(PATH))
}
