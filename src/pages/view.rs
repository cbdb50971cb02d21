//! Common parts of all pages: the layout, the response headers, and avatars.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::base_url::BaseUrl;
use crate::http::respond;
use crate::model::client::Client;
use crate::model::user::User;
use crate::pages::assets::{self, Asset};
use crate::store::StoreError;

/// Content security policy: only our own resources, no framing. There is no `form-action`, because browsers also apply
/// it to the redirect to the client that follows the consent form.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Content security policy of a page with a script.
pub(crate) const POLICY_WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                                  connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The layout of a page: the values that the head and the foot of every template need.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) style: String,
    pub(crate) icon: String,
    pub(crate) home: String,
    pub(crate) script: Option<String>,
    /// The navigation bar; empty on the pages for users of an app.
    pub(crate) nav_links: Vec<NavLink>,
    /// `light` or `dark`; None leaves the choice to the browser.
    pub(crate) scheme: Option<&'static str>,
}

/// A link of the navigation bar.
#[derive(Debug, Clone)]
pub(crate) struct NavLink {
    pub(crate) name: &'static str,
    pub(crate) href: String,
    pub(crate) is_current: bool,
}

/// Pages in the navigation bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NavItem {
    Home,
    Account,
    Dashboard,
    Advice,
    Playground,
    Gallery,
}

impl NavItem {
    const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Home, "Home", "/"),
        (Self::Account, "Account", "/user/account"),
        (Self::Dashboard, "Dashboard", "/_mock"),
        (Self::Advice, "Advice", "/_mock/findings"),
        (Self::Playground, "Playground", "/_mock/playground"),
        (Self::Gallery, "Consent gallery", "/_mock/consent"),
    ];
}

impl Layout {
    pub(crate) fn new(base: &BaseUrl) -> Self {
        Self {
            style: base.path(&assets::STYLE.path()),
            icon: base.path(&assets::ICON.path()),
            home: base.path("/"),
            script: None,
            nav_links: Vec::new(),
            scheme: None,
        }
    }

    /// The layout of a page in the navigation bar.
    pub(crate) fn at(base: &BaseUrl, current: NavItem) -> Self {
        let nav_links = NavItem::ALL.map(|(item, name, path)| NavLink {
            name,
            href: base.path(path),
            is_current: item == current,
        });
        Self {
            nav_links: nav_links.into(),
            ..Self::new(base)
        }
    }

    pub(crate) fn with_script(self, base: &BaseUrl, script: &Asset) -> Self {
        Self {
            script: Some(base.path(&script.path())),
            ..self
        }
    }

    fn policy(&self) -> &'static str {
        match self.script {
            Some(_) => POLICY_WITH_SCRIPT,
            None => POLICY,
        }
    }
}

/// A user as a colored initial; no image is loaded.
#[derive(Debug, Clone)]
pub(crate) struct Avatar {
    pub(crate) initial: String,
    /// Index of a color of the style sheet, 0 to 7.
    pub(crate) colour: u64,
}

impl Avatar {
    pub(crate) fn for_user(user: &User) -> Self {
        Self::new(&user.display_name(), user.id.0.unsigned_abs())
    }

    pub(crate) fn new(name: &str, number: u64) -> Self {
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

/// An app, as the consent pages show it.
#[derive(Debug, Clone)]
pub(crate) struct AppCard {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) verified: bool,
}

impl AppCard {
    pub(crate) fn new(client: &Client) -> Self {
        Self {
            name: client.name.clone(),
            description: client.description.clone(),
            verified: client.verified,
        }
    }
}

/// Renders a page with this layout, with headers that prevent caching, framing and sniffing.
pub(crate) fn page(status: StatusCode, layout: &Layout, template: &impl Template) -> Response {
    render(status, layout.policy(), template)
}

/// The same with this content security policy.
pub(crate) fn render(
    status: StatusCode,
    policy: &'static str,
    template: &impl Template,
) -> Response {
    let html = match template.render() {
        Ok(html) => html,
        Err(error) => return not_rendered(&error),
    };
    let mut response = (status, html).into_response();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CONTENT_SECURITY_POLICY, policy),
        (CACHE_CONTROL, "no-store"),
        // Not `no-referrer`: forms would then have the origin `null`, which the access guard cannot tell from another
        // site's.
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// 500 for a template that cannot be rendered.
pub(super) fn not_rendered(error: &askama::Error) -> Response {
    tracing::error!(%error, "a page could not be rendered");
    (
        StatusCode::INTERNAL_SERVER_ERROR,
        "the page could not be rendered",
    )
        .into_response()
}

/// A response that ends a handler early: a redirect, a form with its problems, or an error. Boxed, because `Result` would
/// be as large as a response.
#[derive(Debug)]
pub(crate) struct EarlyResponse(Box<Response>);

/// The response of a page.
pub(crate) type PageResult = Result<Response, EarlyResponse>;

impl From<Response> for EarlyResponse {
    fn from(response: Response) -> Self {
        Self(Box::new(response))
    }
}

impl From<StoreError> for EarlyResponse {
    fn from(error: StoreError) -> Self {
        respond::failure(&error).into()
    }
}

impl IntoResponse for EarlyResponse {
    fn into_response(self) -> Response {
        *self.0
    }
}
