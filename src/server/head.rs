//! Limits of a request's head that apply to both HTTP/1 and HTTP/2. The libraries limit its size in bytes: see
//! `limits.rs`.

use axum::Json;
use axum::http::{Request, StatusCode, Version};
use axum::response::{IntoResponse as _, Response};

use super::limits::Limits;
use crate::invalid::Invalid;

/// Below the libraries' own limit of 64 KiB, which HTTP/1 and HTTP/2 report in different ways.
const MAX_TARGET_BYTES: usize = 32 * 1024;

/// The response for a request whose target is too long (414), or that has too many headers (431).
pub(super) fn rejection<B>(request: &Request<B>, limits: &Limits) -> Option<Response> {
    let target = request.uri();
    let length = target.path().len() + target.query().map_or(0, |query| query.len() + 1);
    if length > MAX_TARGET_BYTES {
        let error = Invalid::new(
            "target",
            format!("the request target has {length} bytes, more than {MAX_TARGET_BYTES}"),
        )
        .with_hint("send long parameters in the body");
        let status = StatusCode::URI_TOO_LONG;
        return Some(answer(status, "target_too_long", &error));
    }
    // The HTTP/1 parser has its own count.
    let (sent, most) = (request.headers().len(), limits.max_headers);
    if request.version() == Version::HTTP_2 && sent > most {
        let error = Invalid::new("headers", format!("{sent} headers, more than {most}"))
            .with_hint("send fewer, or raise --max-headers");
        let status = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return Some(answer(status, "too_many_headers", &error));
    }
    None
}

fn answer(status: StatusCode, code: &'static str, error: &Invalid) -> Response {
    (status, Json(error.to_json(code))).into_response()
}
