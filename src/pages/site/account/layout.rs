//! What the parts of the account page share: its path and frame, the signed-in user, a page of a list, errors of its forms.

use std::sync::Arc;

use axum::response::Response;

use super::limit::LimitForm;
use crate::http::context::Context;
use crate::http::{respond, session};
use crate::model::user::User;
use crate::oauth::authorize::with_return;
use crate::pages::assets;
use crate::pages::view::{Layout, NavItem};

/// Where the page is.
pub(super) const PATH: &str = "/user/account";

/// So many of one's apps are on a page, so many of those one has let in: a page stays light.
pub(super) const APPS: usize = 10;
pub(super) const CONNECTED: usize = 5;

/// What of a list is not on this page.
pub(super) struct Cut {
    /// Where the page before and the page after begin, where there is one.
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
}

impl Cut {
    /// Leaves a page of the list, from this place on or as near as there is something.
    pub(super) fn page<T>(list: &mut Vec<T>, from: usize, most: usize) -> Self {
        let from = from.min(list.len().saturating_sub(1)) / most * most;
        list.drain(..from);
        let after = (list.len() > most).then_some(from + most);
        list.truncate(most);
        let before = (from > 0).then(|| from - most);
        Self { before, after }
    }
}

/// What is wrong with what a form of the page asked for.
pub(super) enum Wrong {
    /// The limit of an app, as it was typed.
    Limit { app: String, form: LimitForm },
    /// An app that was never let in.
    Stranger(String),
}

impl Wrong {
    pub(super) fn form_of(&self, id: &str) -> Option<LimitForm> {
        match self {
            Self::Limit { app, form } if app == id => Some(form.clone()),
            _ => None,
        }
    }

    /// What is said at the head of the page.
    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Limit { .. } => None,
            Self::Stranger(id) => Some(format!(
                "{id:?} is not connected: let it in on its consent page first, and limit it there or here."
            )),
        }
    }
}

pub(super) fn frame(context: &Context) -> Layout {
    let base = &context.base;
    Layout::at(base, NavItem::Account).with_script(base, &assets::COPY)
}

/// Whoever is signed in; nobody is sent to the sign-in page.
#[expect(
    clippy::result_large_err,
    reason = "the answer is the way out, and is moved once"
)]
pub(super) fn visitor(context: &Context) -> Result<Arc<User>, Response> {
    session::user(context).ok_or_else(|| {
        let (login, here) = (context.base.path("/login"), context.base.path(PATH));
        respond::see_other(&with_return(login, &here))
    })
}

/// Back to the page, after what a form asked for.
pub(super) fn back(context: &Context) -> Response {
    respond::see_other(&context.base.path(PATH))
}
