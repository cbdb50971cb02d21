//! What do the pages load? One style sheet, under a name that changes with its content, so that browsers may
//! keep it for good.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("../../templates/style.css");

/// The path of the style sheet, below a sandbox's prefix.
pub(super) fn style_path() -> String {
    format!("/_mock/assets/{}", style_name())
}

fn style_name() -> String {
    const FINGERPRINT: u64 = fingerprint(STYLE.as_bytes());
    format!("style-{FINGERPRINT:016x}.css")
}

/// FNV-1a: it tells versions of a file apart and guards nothing, so it is computed when the server is built.
const fn fingerprint(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0000_0100_0000_01b3);
        at += 1;
    }
    hash
}

/// `GET /_mock/assets/{name}`.
pub(crate) async fn get(Path(name): Path<String>) -> Response {
    if name != style_name() {
        return (StatusCode::NOT_FOUND, "no such asset").into_response();
    }
    let headers = [
        (CONTENT_TYPE, "text/css; charset=utf-8"),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, STYLE).into_response()
}
