//! The status line: what the last action has done. A cookie carries it from the action to the page that follows.

use axum::http::HeaderMap;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::http::context::header;
use crate::http::{respond, session};

const COOKIE: &str = "mock-status";

/// The longest text, in characters. Browsers store at most 4096 bytes of a cookie.
const MAX_CHARS: usize = 200;

/// Redirects to a page that shows the text.
pub(crate) fn redirect_with(back: &str, text: &str) -> Response {
    let text: String = text.chars().take(MAX_CHARS).collect();
    let value = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
    let cookie = cookie(value, 60);
    respond::with_cookie(respond::see_other(back), Some(&cookie))
}

/// The text for a page that the user loads. Requests of scripts leave it to the page.
pub(crate) fn read(headers: &HeaderMap) -> Option<String> {
    let is_for_script = header(headers, "sec-fetch-dest").is_some_and(|dest| dest == "empty")
        && header(headers, "x-console-action").is_none();
    if is_for_script {
        return None;
    }
    let value = session::cookies(headers, COOKIE).find(|value| !value.is_empty())?;
    Some(percent_decode_str(&value).decode_utf8_lossy().into_owned())
}

/// The cookie that removes the text.
pub(crate) fn clear_cookie() -> String {
    cookie(String::new(), 0)
}

fn cookie(value: String, seconds: i64) -> String {
    let life = time::Duration::seconds(seconds);
    let cookie = Cookie::build((COOKIE, value))
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .max_age(life);
    cookie.build().to_string()
}
