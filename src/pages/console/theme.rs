//! `POST /_mock/theme`: the colors of the console, stored in a cookie.

use std::fmt;

use axum::http::HeaderMap;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::http::body::Form;
use crate::http::context::RequestHead;
use crate::http::{respond, session};

/// Its path, below the prefix of a sandbox.
pub(crate) const PATH: &str = "/_mock/theme";

/// The cookie with the theme. All sandboxes share it.
const COOKIE: &str = "mock-theme";

/// The colors of the console.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    #[default]
    Dark,
    Light,
    /// As the browser prefers.
    System,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::Dark, Self::Light, Self::System];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dark => "dark",
            Self::Light => "light",
            Self::System => "system",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Dark => "Dark",
            Self::Light => "Light",
            Self::System => "System",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.name() == name)
    }

    /// The theme that the browser has chosen before.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let mut chosen = session::cookies(headers, COOKIE);
        chosen
            .find_map(|name| Self::named(&name))
            .unwrap_or_default()
    }
}

impl fmt::Display for Theme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// `POST /_mock/theme`. An unknown theme changes nothing.
pub(crate) async fn post(RequestHead { base, .. }: RequestHead, Form(params): Form) -> Response {
    let back = base.return_path(params.text("back").unwrap_or_default());
    let response = respond::see_other(&back);
    let Some(theme) = params.text("theme").and_then(Theme::named) else {
        return response;
    };
    let cookie = Cookie::build((COOKIE, theme.name()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(base.is_https())
        .max_age(time::Duration::days(365));
    respond::with_cookie(response, Some(&cookie.build().to_string()))
}
