//! `/user/account`: the apps that one has registered (`apps.rs`), and those that one has let in (`connected.rs`,
//! `limit.rs`).

pub(crate) mod apps;
pub(crate) mod connected;
mod form;
mod grid;
mod limit;

use std::sync::Arc;

use askama::Template;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::Response;

use crate::http::context::Context;
use crate::http::respond;
use crate::http::session;
use crate::model::user::User;
use crate::oauth::authorize::with_return;
use crate::pages::assets;
use crate::pages::view::{Avatar, Frame, Page, Place, page};
use crate::protocol::params::Params;
use apps::OwnApp;
use connected::ConnectedApp;
use limit::LimitForm;

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
    problem: Option<String>,
    apps: Vec<OwnApp>,
    /// How many of the own apps stand before those that are shown, and how many after; and of the others.
    apps_cut: Cut,
    connected: Vec<ConnectedApp>,
    connected_cut: Cut,
}

/// So many of one's apps are on a page, so many of those one has let in: a page stays light.
const APPS: usize = 10;
const CONNECTED: usize = 5;

/// What of a list is not on this page.
pub(crate) struct Cut {
    /// Where the page before and the page after begin, where there is one.
    before: Option<usize>,
    after: Option<usize>,
}

impl Cut {
    /// Leaves a page of the list, from this place on or as near as there is something.
    fn page<T>(list: &mut Vec<T>, from: usize, most: usize) -> Self {
        let from = from.min(list.len().saturating_sub(1)) / most * most;
        list.drain(..from);
        let after = (list.len() > most).then_some(from + most);
        list.truncate(most);
        let before = (from > 0).then(|| from - most);
        Self { before, after }
    }
}

/// Where the lists are to begin.
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
    fn frame(&self) -> &Frame {
        &self.frame
    }
}

/// `GET /user/account`.
pub(crate) async fn get(context: Context, RawQuery(query): RawQuery) -> Response {
    match visitor(&context) {
        Ok(user) => {
            let from = Starts::query(query);
            page(StatusCode::OK, &account(&context, &user, None, &from))
        }
        Err(response) => response,
    }
}

/// What is wrong with what a form of the page asked for.
pub(crate) enum Wrong {
    /// The limit of an app, as it was typed.
    Limit { app: String, form: LimitForm },
    /// An app that was never let in.
    Stranger(String),
}

impl Wrong {
    fn form_of(&self, id: &str) -> Option<LimitForm> {
        match self {
            Self::Limit { app, form } if app == id => Some(form.clone()),
            _ => None,
        }
    }

    /// What is said at the head of the page.
    fn problem(&self) -> Option<String> {
        match self {
            Self::Limit { .. } => None,
            Self::Stranger(id) => Some(format!(
                "{id:?} is not connected: let it in on its consent page first, and limit it there or here."
            )),
        }
    }
}

/// The page, with what is wrong with what was sent.
fn show(context: &Context, user: &User, status: StatusCode, wrong: Option<&Wrong>) -> Response {
    page(status, &account(context, user, wrong, &Starts::default()))
}

fn account(context: &Context, user: &User, wrong: Option<&Wrong>, from: &Starts) -> Account {
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
