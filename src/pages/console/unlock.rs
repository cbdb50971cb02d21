//! The page that asks for the control token, and the cookie that remembers it. The checks are in `http/access_guard.rs`.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};

use crate::http::access_guard;
use crate::http::base_url::SandboxPrefix;
use crate::http::body::Form;
use crate::http::context::RequestHead;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::playground;
use crate::pages::console::theme::Theme;

/// The default page after unlocking.
const HOME: &str = "/_mock";

#[derive(Template)]
#[template(path = "unlock.html")]
struct Unlock {
    layout: ConsoleLayout,
    action: String,
    /// The page to go to after unlocking.
    to: String,
    has_wrong_token: bool,
}

/// Middleware of the pages: as the access guard, but asks for the token instead of rejecting.
pub(crate) async fn require_control_token(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Response {
    let authority = access_guard::authority(&request);
    let headers = request.headers();
    // Links lead here from apps on other hosts, such as that of `X-Mock-Request`. They change nothing, but the callback of the
    // playground does.
    let is_link = request.method() == Method::GET
        && request.uri().path() != playground::CALLBACK
        && access_guard::is_link_of_another_site(headers);
    let checked = if is_link {
        access_guard::check_link(&state, headers, authority)
    } else {
        access_guard::check(&state, headers, authority)
    };
    match checked {
        Ok(()) if is_link => next.run(request).await,
        Ok(()) => {
            access_guard::mark_sandbox_explicit(
                &state,
                SandboxPrefix::from_extensions(request.extensions()),
            )
            .await;
            next.run(request).await
        }
        Err((StatusCode::UNAUTHORIZED, _)) => {
            let (mut parts, _) = request.into_parts();
            match RequestHead::from_request_parts(&mut parts, &()).await {
                Ok(head) if parts.method == Method::GET => {
                    show(&head, &parts.uri.to_string(), false)
                }
                Ok(head) => show(&head, HOME, false),
                Err(response) => response,
            }
        }
        Err((status, error)) => respond::invalid(status, "forbidden", &error),
    }
}

/// The page that asks for the token.
fn show(head: &RequestHead, to: &str, has_wrong_token: bool) -> Response {
    let base = &head.base;
    let theme = Theme::from_headers(&head.headers);
    let shown = Unlock {
        layout: ConsoleLayout::bare(base, theme, ConsolePage::Other),
        action: base.path("/_mock/unlock"),
        to: to.to_owned(),
        has_wrong_token,
    };
    console_page(StatusCode::UNAUTHORIZED, &shown.layout, &shown)
}

/// Whether a path is one of the console pages, so that the form is not an open redirect.
fn is_console_page(to: &str) -> bool {
    let rest = to.strip_prefix(HOME);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        && to
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// `POST /_mock/unlock`.
pub(crate) async fn post(
    State(state): State<Arc<ServerState>>,
    head: RequestHead,
    Form(params): Form,
) -> Response {
    let base = &head.base;
    let to = params
        .text("to")
        .filter(|to| is_console_page(to))
        .unwrap_or(HOME);
    let mut response = respond::see_other(&base.path(to));
    let Some(token) = &state.control_token else {
        return response;
    };
    if !token.is(params.text("token").unwrap_or_default()) {
        return show(&head, to, true);
    }
    let cookie = Cookie::build((access_guard::COOKIE, token.cookie()))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(base.is_https());
    if let Ok(cookie) = HeaderValue::from_str(&cookie.to_string()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
