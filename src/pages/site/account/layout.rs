//! Common parts of the account page: its path and layout, the signed-in user, pagination, form errors.

use std::sync::Arc;

use axum::response::Response;

use super::limit::LimitForm;
use crate::http::context::RequestContext;
use crate::http::{respond, session};
use crate::model::user::User;
use crate::oauth::authorize::with_return;
use crate::pages::assets;
use crate::pages::site::layout::SiteLayout;
use crate::pages::view::{Avatar, EarlyResponse};

/// The path of the page.
pub(super) const PATH: &str = "/user/account";

/// The most registered apps on a page.
pub(super) const MAX_APPS: usize = 10;

/// The most connected apps on a page.
pub(super) const MAX_CONNECTED: usize = 5;

/// The links between the pages of a list.
pub(super) struct PageLinks {
    /// Start of the previous and of the next page, if they exist.
    pub(super) previous: Option<usize>,
    pub(super) next: Option<usize>,
}

impl PageLinks {
    /// Reduces the list to one page that starts at `from`, or as near as possible.
    pub(super) fn cut<T>(list: &mut Vec<T>, from: usize, page_size: usize) -> Self {
        let from = from.min(list.len().saturating_sub(1)) / page_size * page_size;
        list.drain(..from);
        let next = (list.len() > page_size).then_some(from + page_size);
        list.truncate(page_size);
        let previous = (from > 0).then(|| from - page_size);
        Self { previous, next }
    }
}

/// An error of a submitted form.
pub(super) enum FormError {
    /// The limit of an app, as typed.
    Limit { app: String, form: LimitForm },
    /// An app that the user has not authorized.
    NotConnected(String),
}

impl FormError {
    /// The rejected form of this app.
    pub(super) fn limit_form(&self, id: &str) -> Option<LimitForm> {
        match self {
            Self::Limit { app, form } if app == id => Some(form.clone()),
            _ => None,
        }
    }

    /// The message at the top of the page.
    pub(super) fn problem(&self) -> Option<String> {
        match self {
            Self::Limit { .. } => None,
            Self::NotConnected(id) => Some(format!(
                "{id:?} is not connected: authorize it on its consent page first, then set a limit."
            )),
        }
    }
}

/// The values of `site_bar.html`: the signed-in user.
pub(super) struct AccountBar {
    pub(super) name: String,
    pub(super) avatar: Avatar,
    pub(super) switch: String,
}

impl AccountBar {
    /// None if no user is signed in.
    pub(super) fn new(context: &RequestContext) -> Option<Self> {
        let (user, base) = (session::user(context)?, &context.base);
        Some(Self {
            name: user.display_name(),
            avatar: Avatar::for_user(&user),
            switch: with_return(base.path("/login"), &base.path(PATH)),
        })
    }
}

/// The layout of the account pages.
pub(super) fn layout(context: &RequestContext) -> SiteLayout {
    SiteLayout::new(context).with_script(context, &assets::COPY)
}

/// The signed-in user. Errors: a redirect to the sign-in page.
pub(super) fn signed_in_user(context: &RequestContext) -> Result<Arc<User>, EarlyResponse> {
    session::user(context).ok_or_else(|| {
        let (login, here) = (context.base.path("/login"), context.base.path(PATH));
        respond::see_other(&with_return(login, &here)).into()
    })
}

/// Redirects to the account page after a form was processed.
pub(super) fn to_account_page(context: &RequestContext) -> Response {
    respond::see_other(&context.base.path(PATH))
}

/// An id as a segment of a path.
pub(super) fn path_segment(id: &str) -> String {
    let encoded: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    encoded.replace('+', "%20")
}
