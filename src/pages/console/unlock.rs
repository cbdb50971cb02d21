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
use crate::http::base_url::{BaseUrl, SandboxPrefix};
use crate::http::body::Form;
use crate::http::context::RequestHead;
use crate::http::respond;
use crate::http::state::AppState;
use crate::pages::view::{Layout, Page, page};

/// The default page after unlocking.
const HOME: &str = "/_mock";

#[derive(Template)]
#[template(path = "unlock.html")]
struct Unlock {
    frame: Layout,
    action: String,
    /// The page to go to after unlocking.
    to: String,
    wrong: bool,
}

impl Page for Unlock {
    fn frame(&self) -> &Layout {
        &self.frame
    }
}

/// Middleware of the pages: as the access guard, but asks for the token instead of rejecting.
pub(crate) async fn admit(
    State(app): State<Arc<AppState>>,
    request: Request,
    next: Next,
) -> Response {
    let authority = access_guard::authority(&request);
    match access_guard::check(&app, request.headers(), authority) {
        Ok(()) => {
            access_guard::claim(&app, SandboxPrefix::from_extensions(request.extensions())).await;
            next.run(request).await
        }
        Err((StatusCode::UNAUTHORIZED, _)) => {
            let (mut parts, _) = request.into_parts();
            match RequestHead::from_request_parts(&mut parts, &()).await {
                Ok(head) if parts.method == Method::GET => {
                    ask(&head.base, &parts.uri.to_string(), false)
                }
                Ok(head) => ask(&head.base, HOME, false),
                Err(response) => response,
            }
        }
        Err((status, error)) => respond::invalid(status, "forbidden", &error),
    }
}

fn ask(base: &BaseUrl, to: &str, wrong: bool) -> Response {
    let shown = Unlock {
        frame: Layout::new(base),
        action: base.path("/_mock/unlock"),
        to: to.to_owned(),
        wrong,
    };
    page(StatusCode::UNAUTHORIZED, &shown)
}

/// Whether a path is of one of the pages, so that the form is no open redirect.
fn is_ours(to: &str) -> bool {
    let rest = to.strip_prefix(HOME);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        && to
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\')
}

/// `POST /_mock/unlock`.
pub(crate) async fn post(
    State(app): State<Arc<AppState>>,
    RequestHead { base, .. }: RequestHead,
    Form(params): Form,
) -> Response {
    let to = params.text("to").filter(|to| is_ours(to)).unwrap_or(HOME);
    let mut response = respond::see_other(&base.path(to));
    let Some(token) = &app.control_token else {
        return response;
    };
    if !token.is(params.text("token").unwrap_or_default()) {
        return ask(&base, to, true);
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
