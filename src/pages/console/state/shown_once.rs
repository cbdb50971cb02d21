//! Secrets that a page shows once: the tokens and the client secret that an action has issued. A cookie carries them from the
//! action to the page, which removes it, so that loading the page again issues nothing and shows nothing.

use axum::http::HeaderMap;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::http::context::RequestContext;
use crate::http::{respond, session};
use crate::pages::console::status_line;
use crate::protocol::params::Params;

const COOKIE: &str = "mock-shown-once";

/// Redirects to the page at this path, whose status line shows `text`, and which shows these values.
pub(super) fn redirect(
    context: &RequestContext,
    path: &str,
    text: &str,
    values: &[(&str, &str)],
) -> Response {
    let pairs = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(values)
        .finish();
    let page = context.base.path(path);
    let shown = status_line::redirect_with(&page, text);
    let value = utf8_percent_encode(&pairs, NON_ALPHANUMERIC).to_string();
    respond::with_cookie(shown, Some(&cookie(context, path, value, 60)))
}

/// The values for the page that the user loads.
pub(super) fn read(headers: &HeaderMap) -> Option<Params> {
    if status_line::is_for_script(headers) {
        return None;
    }
    let value = session::cookies(headers, COOKIE).find(|value| !value.is_empty())?;
    let pairs = percent_decode_str(&value).decode_utf8_lossy();
    Some(Params::from_urlencoded(pairs.as_bytes()))
}

/// Removes the cookie of the page at this path.
pub(super) fn forget(context: &RequestContext, path: &str, response: Response) -> Response {
    let cookie = cookie(context, path, String::new(), 0);
    respond::with_cookie(response, Some(&cookie))
}

fn cookie(context: &RequestContext, path: &str, value: String, seconds: i64) -> String {
    let cookie = Cookie::build((COOKIE, value))
        .path(context.base.path(path))
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(context.base.is_https())
        .max_age(time::Duration::seconds(seconds));
    cookie.build().to_string()
}
