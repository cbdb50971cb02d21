//! Common parts of all pages: the layout, the response headers, and avatars.

use askama::Template;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::http::respond;
use crate::model::client::Client;
use crate::model::user::User;

use crate::store::StoreError;

/// Content security policy: only our own resources, no framing. There is no `form-action`, because browsers also apply
/// it to the redirect to the client that follows the consent form.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

/// Content security policy of a page with a script.
pub(crate) const POLICY_WITH_SCRIPT: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                                  connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Content security policy of a page with a script that frames our own pages.
pub(crate) const POLICY_WITH_FRAME: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                                 connect-src 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A user as an initial; no image is loaded.
#[derive(Debug, Clone)]
pub(crate) struct Avatar {
    pub(crate) initial: String,
}

impl Avatar {
    pub(crate) fn for_user(user: &User) -> Self {
        let first = user.display_name().chars().next();
        let initial = first.map(|first| first.to_uppercase().collect());
        Self {
            initial: initial.unwrap_or_default(),
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

/// Renders a page of the console, which has a script, with headers that prevent caching, framing and sniffing.
pub(crate) fn page_with_script(status: StatusCode, template: &impl Template) -> Response {
    render(status, POLICY_WITH_SCRIPT, template)
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
