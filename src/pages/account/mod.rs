//! `/user/account`: the apps that one has registered (`apps.rs`), and those that one has let in (`connected.rs`).

pub(crate) mod apps;
pub(crate) mod connected;
mod form;

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
use crate::store::StoreError;
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
    match visitor(&context).await {
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
    match account(context, user, wrong).await {
        Ok(account) => page(status, &account),
        Err(why) => respond::failure(&why),
    }
}

async fn account(
    context: &Context,
    user: &User,
    wrong: Option<(&str, String)>,
) -> Result<Account, StoreError> {
    let base = &context.base;
    let here = base.path(PATH);
    Ok(Account {
        frame: frame(context),
        name: user.display_name(),
        avatar: Avatar::of_user(user),
        email: user.email.clone(),
        switch: with_return(base.path("/login"), &here),
        apps: apps::list(context, user).await?,
        connected: connected::list(context, user, wrong).await?,
        here,
    })
}

fn frame(context: &Context) -> Frame {
    let base = &context.base;
    Frame::at(base, Place::Account).with_script(base, &assets::COPY)
}

/// Whoever is signed in; nobody is sent to the sign-in page.
async fn visitor(context: &Context) -> Result<User, Response> {
    match session::user(context).await {
        Ok(Some(user)) => Ok(user),
        Ok(None) => {
            let (login, here) = (context.base.path("/login"), context.base.path(PATH));
            Err(respond::see_other(&with_return(login, &here)))
        }
        Err(why) => Err(respond::failure(&why)),
    }
}

/// Back to the page, after what a form asked for.
fn back(context: &Context) -> Response {
    respond::see_other(&context.base.path(PATH))
}
