//! What is common to all pages? The frame around them, the headers they are sent with, and how a person is
//! drawn.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::base::Base;
use crate::model::client::Client;
use crate::model::user::User;
use crate::pages::assets;

/// No script, nothing from elsewhere, in nobody's frame. There is no `form-action`: browsers hold it against
/// the redirect to the client that answers the consent form.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// The frame of a page: what every template's head and foot need.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) style: String,
    pub(super) icon: String,
    pub(super) home: String,
}

impl Frame {
    pub(super) fn new(base: &Base) -> Self {
        Self {
            style: base.path(&assets::STYLE.path()),
            icon: base.path(&assets::ICON.path()),
            home: base.path("/"),
        }
    }
}

/// A person as a coloured initial: no picture is loaded from anywhere.
#[derive(Debug, Clone)]
pub(super) struct Avatar {
    pub(super) initial: String,
    /// One of the colours of the style sheet, 0 to 7.
    pub(super) colour: u64,
}

impl Avatar {
    pub(super) fn of_user(user: &User) -> Self {
        Self::new(&user.display_name(), user.id.0.unsigned_abs())
    }

    pub(super) fn new(name: &str, number: u64) -> Self {
        let initial = name
            .chars()
            .next()
            .map(|c| c.to_uppercase().collect())
            .unwrap_or_default();
        Self {
            initial,
            colour: number % 8,
        }
    }
}

/// An app, as the pages that ask for consent show it.
#[derive(Debug, Clone)]
pub(super) struct AppCard {
    pub(super) name: String,
    pub(super) avatar: Avatar,
    pub(super) description: String,
    pub(super) verified: bool,
}

impl AppCard {
    pub(super) fn of(client: &Client) -> Self {
        let number = u64::try_from(client.name.len()).unwrap_or_default();
        Self {
            name: client.name.clone(),
            avatar: Avatar::new(&client.name, number),
            description: client.description.clone(),
            verified: client.verified,
        }
    }
}

/// A page, with the headers that keep it to itself.
pub(super) fn page(status: StatusCode, template: &impl Template) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(why) => {
            tracing::error!(%why, "a page could not be drawn");
            return (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page could not be drawn",
            )
                .into_response();
        }
    };
    let mut response = (status, html).into_response();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}
