//! The account page.

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use super::apps::{self, OwnApp};
use super::connected::{self, ConnectedApp};
use super::layout::{APPS, Cut, PATH, Wrong, frame, visitor};
use crate::http::context::RequestContext;
use crate::model::user::User;
use crate::oauth::authorize::with_return;
use crate::pages::view::{Avatar, Layout, Page, page};
use crate::protocol::params::Params;

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Layout,
    name: String,
    avatar: Avatar,
    email: Option<String>,
    switch: String,
    /// Base path of the forms' targets.
    here: String,
    problem: Option<String>,
    apps: Vec<OwnApp>,
    /// The parts of the two lists that are not on this page.
    apps_cut: Cut,
    connected: Vec<ConnectedApp>,
    connected_cut: Cut,
}

/// Where the lists begin.
#[derive(Default)]
struct Starts {
    apps: usize,
    connected: usize,
}

impl Starts {
    fn query(query: Option<String>) -> Self {
        let params = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
        let number = |name| params.text(name)?.parse().ok();
        Self {
            apps: number("apps").unwrap_or_default(),
            connected: number("connected").unwrap_or_default(),
        }
    }
}

impl Page for Account {
    fn frame(&self) -> &Layout {
        &self.frame
    }
}

/// `GET /user/account`.
pub(crate) async fn get(context: RequestContext, RawQuery(query): RawQuery) -> Response {
    match visitor(&context) {
        Ok(user) => {
            let from = Starts::query(query);
            page(StatusCode::OK, &account(&context, &user, None, &from))
        }
        Err(response) => response,
    }
}

/// Renders the page, with the error of a submitted form.
pub(super) fn show(
    context: &RequestContext,
    user: &User,
    status: StatusCode,
    wrong: Option<&Wrong>,
) -> Response {
    page(status, &account(context, user, wrong, &Starts::default()))
}

fn account(context: &RequestContext, user: &User, wrong: Option<&Wrong>, from: &Starts) -> Account {
    let base = &context.base;
    let here = base.path(PATH);
    let mut apps = apps::list(context, user);
    let apps_cut = Cut::page(&mut apps, from.apps, APPS);
    let (connected, connected_cut) = connected::list(context, user, wrong, from.connected);
    Account {
        frame: frame(context),
        name: user.display_name(),
        avatar: Avatar::of_user(user),
        email: user.email.clone(),
        switch: with_return(base.path("/login"), &here),
        problem: wrong.and_then(Wrong::problem),
        apps,
        apps_cut,
        connected,
        connected_cut,
        here,
    }
}
