//! Responses that several endpoints share, and the statuses of errors.

use axum::Json;
use axum::body::Body;
use axum::http::header::{ALLOW, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value};

use crate::contract::Difference;
use crate::http::body_error::NoMemory;
use crate::http::cors::CorsException;
use crate::invalid::{Invalid, MAKE_ROOM};
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::store::StoreError;

/// An error of an endpoint: Civitai's own, or ours for wrong use of an extension.
#[derive(Debug)]
pub(crate) enum EndpointError {
    OAuth(OAuthError),
    Invalid(Invalid),
}

/// Hides the details, which are logged. A full table and an unwritable database file are reported, since the caller can
/// fix them.
impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        if let StoreError::TableFull { .. } = error {
            let description = format!("{error}; {MAKE_ROOM}");
            return Self::new(ErrorCode::ServerError, description);
        }
        tracing::error!(%error, "the request failed");
        match error {
            StoreError::Unwritable { .. } => Self::new(ErrorCode::Unwritable, error.to_string()),
            _ => Self::server_error(),
        }
    }
}

impl From<OAuthError> for EndpointError {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl From<StoreError> for EndpointError {
    fn from(error: StoreError) -> Self {
        Self::OAuth(error.into())
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let status = match self.code {
            ErrorCode::InvalidClient if self.by_header => StatusCode::UNAUTHORIZED,
            // The same code as for a closed app, with another status.
            ErrorCode::UserDenied => StatusCode::BAD_REQUEST,
            ErrorCode::Unwritable => {
                return unwritable(self.description.as_deref().unwrap_or_default());
            }
            code => status_of(code.name()),
        };
        let mut body = Map::from_iter([("error".to_owned(), self.code.name().into())]);
        if let Some(description) = self.description {
            body.insert("error_description".to_owned(), description.into());
        }
        let response = (status, Json(Value::Object(body)));
        match self.code {
            // The page that must not call for the client must not read the answer either.
            ErrorCode::OriginNotAllowed => (CorsException::Closed, response).into_response(),
            _ => response.into_response(),
        }
    }
}

impl IntoResponse for EndpointError {
    fn into_response(self) -> Response {
        match self {
            Self::OAuth(error) => error.into_response(),
            Self::Invalid(error) => invalid(StatusCode::BAD_REQUEST, "invalid", &error),
        }
    }
}

/// The status of an error code, Civitai's or any other.
pub(crate) fn status_of(error: &str) -> StatusCode {
    match error {
        "invalid_token" | "unauthorized" => StatusCode::UNAUTHORIZED,
        "access_denied" | "insufficient_scope" | "origin_not_allowed" => StatusCode::FORBIDDEN,
        "rate_limited" => StatusCode::TOO_MANY_REQUESTS,
        "server_error" => StatusCode::INTERNAL_SERVER_ERROR,
        "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// An error of this server's own: what is wrong, where, and how to fix it.
pub(crate) fn invalid(status: StatusCode, code: &'static str, error: &Invalid) -> Response {
    (status, Json(error.to_json(code))).into_response()
}

/// The response for a failed database. Hides the details, which are logged. Errors that the caller can fix are reported
/// in full.
pub(crate) fn failure(error: &StoreError) -> Response {
    let (code, hint) = match error {
        StoreError::TooManySandboxes { .. } => (
            "too_many_sandboxes",
            "delete sandboxes that are no longer needed, or raise --max-sandboxes",
        ),
        StoreError::TableFull { .. } => ("full", MAKE_ROOM),
        _ => {
            tracing::error!(%error, "the request failed");
            return match error {
                StoreError::Unwritable { .. } => unwritable(&error.to_string()),
                _ => OAuthError::server_error().into_response(),
            };
        }
    };
    let body = Invalid::new("sandbox", error.to_string()).with_hint(hint);
    invalid(StatusCode::SERVICE_UNAVAILABLE, code, &body)
}

/// 503: the bodies of other requests occupy all memory for bodies.
pub(crate) fn no_body_memory(error: &NoMemory) -> Response {
    busy(&error.to_string())
}

/// 503: other requests occupy what this one needs.
pub(crate) fn busy(message: &str) -> Response {
    let error = Invalid::new("", message).with_hint("send the request again later");
    retry_soon(invalid(StatusCode::SERVICE_UNAVAILABLE, "busy", &error))
}

/// 403: a page of another site could create a sandbox with every request.
pub(crate) fn no_sandbox_for_page(name: &str) -> Response {
    let message = format!("a page of another site may not create the sandbox {name:?}");
    let hint = "create it with POST /_mock/sandboxes, or register the page's origin with a client of the seed";
    let error = Invalid::new("sandbox", message).with_hint(hint);
    invalid(StatusCode::FORBIDDEN, "forbidden", &error)
}

/// 503: the database file cannot be written, and the request changed nothing.
fn unwritable(message: &str) -> Response {
    let error = Invalid::new("database", message).with_hint(StoreError::SEND_AGAIN);
    let code = ErrorCode::Unwritable.name();
    retry_soon(invalid(StatusCode::SERVICE_UNAVAILABLE, code, &error))
}

fn retry_soon(mut response: Response) -> Response {
    let soon = HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, soon);
    response
}

/// 302, as documented for authorization codes.
pub(crate) fn found(location: &str) -> Response {
    redirect(StatusCode::FOUND, location)
}

/// 308, which preserves the method and the body.
pub(crate) fn moved(location: &str) -> Response {
    redirect(StatusCode::PERMANENT_REDIRECT, location)
}

fn redirect(status: StatusCode, location: &str) -> Response {
    // A location may come from a request, and may be no header value.
    let location = HeaderValue::from_str(location).ok();
    let location = location.map(|location| [(LOCATION, location)]);
    (status, location, Body::empty()).into_response()
}

/// 303, so that the browser follows a POST with a GET.
pub(crate) fn see_other(location: &str) -> Response {
    redirect(StatusCode::SEE_OTHER, location)
}

/// Adds a `Set-Cookie` header to a response.
pub(crate) fn with_cookie(mut response: Response, cookie: Option<&str>) -> Response {
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// 404 for an endpoint that did not exist when the deployed server was recorded.
pub(crate) fn not_in_recording(path: &str, difference: Difference) -> Response {
    let message = format!(
        "{path} did not exist when the deployed server was recorded (difference {difference})"
    );
    let hint = format!("use another contract, or set {difference}=live");
    let error = Invalid::new("", message).with_hint(hint);
    invalid(StatusCode::NOT_FOUND, "not_found", &error)
}

/// 405 with the text of the framework that Civitai's server uses, which no page may read.
pub(crate) fn method_not_allowed(method: &Method, allow: &'static str) -> Response {
    let text = format!("{method} method not allowed");
    let allow = [(ALLOW, allow)];
    (
        StatusCode::METHOD_NOT_ALLOWED,
        CorsException::Closed,
        allow,
        text,
    )
        .into_response()
}
