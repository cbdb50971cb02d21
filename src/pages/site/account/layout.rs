//! Common parts of the account page: its path and layout, the signed-in user, pagination, form errors.

use std::sync::Arc;

use axum::response::Response;

use super::limit::LimitForm;
use crate::http::context::RequestContext;
use crate::http::{respond, session};
use crate::model::user::User;
use crate::oauth::authorize::with_return;
use crate::pages::assets;
use crate::pages::view::{Layout, NavItem};

/// The path of the page.
pub(super) const PATH: &str = "/user/account";

/// Maximum number of apps on a page, for registered apps and for authorized apps.
pub(super) const APPS: usize = 10;
pub(super) const CONNECTED: usize = 5;

/// The part of a list that is not on this page.
pub(super) struct Cut {
    /// Start of the previous and of the next page, if they exist.
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
}

impl Cut {
    /// Reduces the list to one page that starts at `from`, or as near as possible.
    pub(super) fn page<T>(list: &mut Vec<T>, from: usize, most: usize) -> Self {
        let from = from.min(list.len().saturating_sub(1)) / most * most;
        list.drain(..from);
        let after = (list.len() > most).then_some(from + most);
        list.truncate(most);
        let before = (from > 0).then(|| from - most);
        Self { before, after }
    }
}

/// An error of a submitted form.
pub(super) enum Wrong {
    /// The limit of an app, as typed.
    Limit { app: String, form: LimitForm },
    /// An app that the user has not authorized.
    Stranger(String),
}

impl Wrong {
    pub(super) fn form_of(&self, id: &str) -> Option<LimitForm> {
        match self {
            Self::Limit { app, form } if app == id => Some(form.clone()),
            _ => None,
        }
    }

    /// The message at the top of the page.
    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Limit { .. } => None,
            Self::Stranger(id) => Some(format!(
                "{id:?} is not connected: let it in on its consent page first, and limit it there or here."
            )),
        }
    }
}

pub(super) fn frame(context: &RequestContext) -> Layout {
    let base = &context.base;
    Layout::at(base, NavItem::Account).with_script(base, &assets::COPY)
}

/// The signed-in user. Errors: a redirect to the sign-in page.
#[expect(
    clippy::result_large_err,
    reason = "the answer is the way out, and is moved once"
)]
pub(super) fn visitor(context: &RequestContext) -> Result<Arc<User>, Response> {
    session::user(context).ok_or_else(|| {
        let (login, here) = (context.base.path("/login"), context.base.path(PATH));
        respond::see_other(&with_return(login, &here))
    })
}

/// Redirects to the account page after a form was processed.
pub(super) fn back(context: &RequestContext) -> Response {
    respond::see_other(&context.base.path(PATH))
}
