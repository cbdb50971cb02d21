//! The status line: what the last action has done. A cookie carries it from the action to the page that follows.

use axum::http::HeaderMap;
use axum::response::Response;
use axum_extra::extract::cookie::{Cookie, SameSite};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::http::context::{RequestContext, header};
use crate::http::{respond, session};
use crate::protocol::params::Params;

const COOKIE: &str = "mock-status";

/// The longest text, in characters. Browsers store at most 4096 bytes of a cookie.
const MAX_CHARS: usize = 200;

/// The end of the text of an action that can be undone: a control character, which no text of an action has.
const UNDOABLE: &str = "\u{1}";

/// The page that an action returns to.
pub(crate) fn back(context: &RequestContext, params: &Params) -> String {
    match params.text("back").unwrap_or_default() {
        "" => context.base.path("/_mock"),
        back => context.base.return_path(back),
    }
}

/// Redirects to a page that shows the text.
pub(crate) fn redirect_with(back: &str, text: &str) -> Response {
    redirect(back, text, "")
}

/// The same with a button that undoes the action, for which the text has [`UNDOABLE`] at its end.
pub(crate) fn redirect_with_undo(back: &str, text: &str) -> Response {
    redirect(back, text, UNDOABLE)
}

fn redirect(back: &str, text: &str, end: &str) -> Response {
    let text = text.chars().filter(|letter| !letter.is_control());
    let text: String = text.take(MAX_CHARS).collect::<String>() + end;
    let value = utf8_percent_encode(&text, NON_ALPHANUMERIC).to_string();
    let cookie = cookie(value, 60);
    respond::with_cookie(respond::see_other(back), Some(&cookie))
}

/// What the status line says.
#[derive(Debug, Clone)]
pub(crate) struct StatusLine {
    pub(crate) text: String,
    /// Whether it has a button that undoes the action.
    pub(crate) is_undoable: bool,
}

/// Whether a script reads the page again, and the user does not see its status line.
pub(crate) fn is_for_script(headers: &HeaderMap) -> bool {
    header(headers, "sec-fetch-dest").is_some_and(|dest| dest == "empty")
        && header(headers, "x-console-action").is_none()
}

/// The text for a page that the user loads. Requests of scripts leave it to the page.
pub(crate) fn read(headers: &HeaderMap) -> Option<StatusLine> {
    if is_for_script(headers) {
        return None;
    }
    let value = session::cookies(headers, COOKIE).find(|value| !value.is_empty())?;
    let text = percent_decode_str(&value).decode_utf8_lossy();
    Some(match text.strip_suffix(UNDOABLE) {
        Some(text) => StatusLine {
            text: text.to_owned(),
            is_undoable: true,
        },
        None => StatusLine {
            text: text.into_owned(),
            is_undoable: false,
        },
    })
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
