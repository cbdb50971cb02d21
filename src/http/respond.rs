//! Responses: the only place that chooses the status and the headers of an OAuth response.

use axum::Json;
use axum::body::Body;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ALLOW, CACHE_CONTROL, LOCATION,
    RETRY_AFTER, SET_COOKIE, VARY,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::contract::Difference;
use crate::http::body_error::NoMemory;
use crate::invalid::Invalid;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::store::StoreError;

/// Which pages of other origins may read a response.
#[derive(Debug, Clone)]
pub(crate) enum Cors {
    /// No page.
    Closed,
    /// Any page, with this method.
    Any(&'static str),
    /// Pages of one origin, with this method.
    Origin(String, &'static str),
}

impl Cors {
    /// Adds the CORS headers to a response.
    pub(crate) fn apply(self, mut response: Response) -> Response {
        const ANY: HeaderValue = HeaderValue::from_static("*");
        let headers = response.headers_mut();
        let methods = match self {
            Self::Closed => return response,
            Self::Any(methods) => {
                headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
                methods
            }
            Self::Origin(origin, methods) => {
                headers.append(VARY, HeaderValue::from_static("Origin"));
                put(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, &origin);
                methods
            }
        };
        let headers = response.headers_mut();
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(methods),
        );
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, ANY);
        response
    }
}

/// Sets a header. Omits it if the value, which may come from a request, is not valid in a header.
fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// An error of an endpoint: Civitai's own, or ours for wrong use of an extension.
#[derive(Debug)]
pub(crate) enum Refusal {
    OAuth(OAuthError),
    Ours(Invalid),
}

/// Hides the details, which are logged. Only an unwritable database file is reported, since the caller can fix it.
impl From<StoreError> for OAuthError {
    fn from(why: StoreError) -> Self {
        if let StoreError::Full { .. } = why {
            let description = format!("{why}; {MAKE_ROOM}");
            return Self::new(ErrorCode::ServerError, description);
        }
        tracing::error!(%why, "the request could not be carried out");
        match why {
            StoreError::Unwritable { .. } => Self::new(ErrorCode::Unwritable, why.to_string()),
            _ => Self::server_error(),
        }
    }
}

impl From<OAuthError> for Refusal {
    fn from(error: OAuthError) -> Self {
        Self::OAuth(error)
    }
}

impl From<StoreError> for Refusal {
    fn from(why: StoreError) -> Self {
        Self::OAuth(why.into())
    }
}

/// 200 with a JSON body.
pub(crate) fn ok(body: &impl Serialize, cors: Cors) -> Response {
    cors.apply(Json(body).into_response())
}

/// 200 with a cacheable JSON body, for pages of this origin only.
pub(crate) fn cached(body: &Value, how_long: &'static str) -> Response {
    (
        [(CACHE_CONTROL, HeaderValue::from_static(how_long))],
        Json(body),
    )
        .into_response()
}

/// A status with a JSON body.
pub(crate) fn with_status(status: StatusCode, body: &Value, cors: Cors) -> Response {
    cors.apply((status, Json(body)).into_response())
}

/// An OAuth error.
pub(crate) fn error(error: &OAuthError, cors: Cors) -> Response {
    let status = match error.code {
        ErrorCode::InvalidClient if error.by_header => StatusCode::UNAUTHORIZED,
        // `allowed=false` of the request itself: the same code as for a closed app, with another status.
        ErrorCode::UserDenied => StatusCode::BAD_REQUEST,
        ErrorCode::Unwritable => {
            return cors.apply(unwritable(error.description.as_deref().unwrap_or_default()));
        }
        code => status_of(code.name()),
    };
    let mut body = Map::from_iter([("error".to_owned(), error.code.name().into())]);
    if let Some(description) = &error.description {
        body.insert("error_description".to_owned(), description.as_ref().into());
    }
    with_status(status, &Value::Object(body), cors)
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

/// The response for a refusal of either kind.
pub(crate) fn refusal(why: &Refusal, cors: Cors) -> Response {
    match why {
        Refusal::OAuth(why) => error(why, cors),
        Refusal::Ours(why) => invalid(StatusCode::BAD_REQUEST, "invalid", why),
    }
}

/// An error of this server's own: what is wrong, where, and how to fix it.
pub(crate) fn invalid(status: StatusCode, error: &str, why: &Invalid) -> Response {
    (status, Json(why.to_json(error))).into_response()
}

/// The response for a failed database. Hides the details, which are logged. Errors that the caller can fix are reported
/// in full.
pub(crate) fn failure(why: &StoreError) -> Response {
    if let StoreError::TooManySandboxes { .. } = why {
        let why = Invalid::new("sandbox", why.to_string());
        let why = why.with_hint("delete those that are done with, or raise --max-sandboxes");
        return invalid(StatusCode::SERVICE_UNAVAILABLE, "too_many_sandboxes", &why);
    }
    if let StoreError::Full { .. } = why {
        let why = Invalid::new("sandbox", why.to_string()).with_hint(MAKE_ROOM);
        return invalid(StatusCode::SERVICE_UNAVAILABLE, "full", &why);
    }
    tracing::error!(%why, "the request could not be carried out");
    if let StoreError::Unwritable { .. } = why {
        return unwritable(&why.to_string());
    }
    error(&OAuthError::server_error(), Cors::Closed)
}

/// 503: the bodies of other requests occupy all memory for bodies.
pub(crate) fn no_body_memory(error: &NoMemory) -> Response {
    busy(&error.to_string())
}

/// 503: other requests occupy what this one needs.
pub(crate) fn busy(message: &str) -> Response {
    let why = Invalid::new("", message).with_hint("send the request again later");
    let mut response = invalid(StatusCode::SERVICE_UNAVAILABLE, "busy", &why);
    let soon = HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, soon);
    response
}

/// The fix for a sandbox in which pages and apps have created the maximum number of rows.
pub(crate) const MAKE_ROOM: &str = "delete some with the control API, or reset the sandbox";

/// 403: a page of another site could create a sandbox with every request.
pub(crate) fn no_sandbox_for_page(name: &str) -> Response {
    let why = format!("a page of another site may not create the sandbox {name:?}");
    let hint = "create it with POST /_mock/sandboxes, or register the page's origin with a client of the seed";
    let why = Invalid::new("sandbox", why).with_hint(hint);
    invalid(StatusCode::FORBIDDEN, "forbidden", &why)
}

/// 503: the database file cannot be written, and the request changed nothing.
fn unwritable(message: &str) -> Response {
    let why = Invalid::new("database", message).with_hint(StoreError::SEND_AGAIN);
    let mut response = invalid(
        StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Unwritable.name(),
        &why,
    );
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
    let mut response = (status, Body::empty()).into_response();
    put(&mut response, LOCATION, location);
    response
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

/// 204 for the preflight of an endpoint that every origin may call.
pub(crate) fn preflight(methods: &'static str) -> Response {
    Cors::Any(methods).apply(StatusCode::NO_CONTENT.into_response())
}

/// 204 for a preflight that permits one origin to send cookies.
pub(crate) fn credentialed_preflight(origin: Option<&str>) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if let Some(origin) = origin {
        put(&mut response, ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        put(&mut response, ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
        put(
            &mut response,
            ACCESS_CONTROL_ALLOW_METHODS,
            "GET, POST, DELETE, OPTIONS",
        );
        put(&mut response, ACCESS_CONTROL_ALLOW_HEADERS, "content-type");
        put(&mut response, ACCESS_CONTROL_MAX_AGE, "600");
    }
    put(&mut response, VARY, "Origin");
    response
}

/// 404 for an endpoint that did not exist when the deployed server was recorded.
pub(crate) fn not_in_recording(path: &str, difference: Difference) -> Response {
    let why = format!(
        "{path} did not exist when the deployed server was recorded (difference {difference})"
    );
    let why = Invalid::new("", why)
        .with_hint(format!("follow another contract, or set {difference}=live"));
    invalid(StatusCode::NOT_FOUND, "not_found", &why)
}

/// 405 with the text of the framework that Civitai's server uses.
pub(crate) fn method_not_allowed(method: &Method, allow: &'static str) -> Response {
    let text = format!("{method} method not allowed");
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, allow)], text).into_response()
}
