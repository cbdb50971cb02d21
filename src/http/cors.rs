//! CORS of the endpoints: the middleware adds the headers that `protocol/endpoint.rs` names.
//!
//! Not tower-http's `CorsLayer`, because Civitai's headers differ: they are on every response and not only on those to
//! requests with an `Origin`, and preflights get 204 without `Vary`.

use std::convert::Infallible;

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, VARY,
};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, IntoResponseParts, Response, ResponseParts};

use crate::protocol::endpoint::CorsPolicy;

const ANY: HeaderValue = HeaderValue::from_static("*");

/// An exception from the endpoint's policy for one response, as an extension of the response.
#[derive(Debug, Clone)]
pub(crate) enum CorsException {
    /// No page may read the response.
    Closed,
    /// Only pages of this origin may read it.
    Origin(String),
}

impl IntoResponseParts for CorsException {
    type Error = Infallible;

    fn into_response_parts(self, mut parts: ResponseParts) -> Result<ResponseParts, Infallible> {
        parts.extensions_mut().insert(self);
        Ok(parts)
    }
}

/// Adds the CORS headers of an endpoint to a response.
pub(crate) fn apply(policy: CorsPolicy, mut response: Response) -> Response {
    let CorsPolicy::AnyOrigin(methods) = policy else {
        return response;
    };
    let exception = response.extensions_mut().remove();
    let headers = response.headers_mut();
    match exception {
        Some(CorsException::Closed) => return response,
        Some(CorsException::Origin(origin)) => {
            headers.append(VARY, HeaderValue::from_static("Origin"));
            // It was compared with registered origins, but may still be no header value.
            if let Ok(origin) = HeaderValue::try_from(origin) {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            }
        }
        None => {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
        }
    }
    headers.insert(
        ACCESS_CONTROL_ALLOW_METHODS,
        HeaderValue::from_static(methods),
    );
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ANY);
    response
}

/// 204 for the preflight of an endpoint that every origin may call; [`apply`] adds the headers.
pub(crate) async fn preflight() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// 204 for a preflight that permits one origin to send cookies.
pub(crate) fn credentialed_preflight(origin: Option<&HeaderValue>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    if let Some(origin) = origin.filter(|origin| origin.to_str().is_ok()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        for (name, value) in [
            (ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, DELETE, OPTIONS"),
            (ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
            (ACCESS_CONTROL_MAX_AGE, "600"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    headers.insert(VARY, HeaderValue::from_static("Origin"));
    response
}
