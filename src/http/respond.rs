//! What goes back over the wire? The only place where an OAuth answer's status or header is chosen.

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

/// Who may read an answer from a page of another origin.
#[derive(Debug, Clone)]
pub(crate) enum Cors {
    /// No page.
    Closed,
    /// Any page, by this method.
    Any(&'static str),
    /// Pages of one origin, by this method.
    Origin(String, &'static str),
}

impl Cors {
    /// The response with the headers that say so.
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

/// A header whose value came from a request may hold what no answer may; it is then left out.
fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// A refusal: Civitai's, or ours where our own extensions are misused.
#[derive(Debug)]
pub(crate) enum Refusal {
    OAuth(OAuthError),
    Ours(Invalid),
}

/// The caller learns no more than that the server failed; the log says what happened. A file that cannot be written is for
/// the caller to fix.
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

/// 200 with a JSON body that caches may keep, for pages of this origin only.
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
        // The request's own `allowed=false`: the same word as for a closed app, another status.
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

/// The status that goes with an error code, Civitai's or any other.
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

/// A refusal of either kind.
pub(crate) fn refusal(why: &Refusal, cors: Cors) -> Response {
    match why {
        Refusal::OAuth(why) => error(why, cors),
        Refusal::Ours(why) => invalid(StatusCode::BAD_REQUEST, "invalid", why),
    }
}

/// An error of ours: what is wrong, where, and how to mend it.
pub(crate) fn invalid(status: StatusCode, error: &str, why: &Invalid) -> Response {
    (status, Json(why.to_json(error))).into_response()
}

/// The database failed: the caller learns no more than that, the log says what happened. That there are too many
/// sandboxes is for the caller to mend.
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

/// 503: others use what the request needs.
pub(crate) fn busy(message: &str) -> Response {
    let why = Invalid::new("", message).with_hint("send the request again later");
    let mut response = invalid(StatusCode::SERVICE_UNAVAILABLE, "busy", &why);
    let soon = HeaderValue::from_static("1");
    response.headers_mut().insert(RETRY_AFTER, soon);
    response
}

/// What to do in a sandbox where pages and apps have made as many rows as they may.
pub(crate) const MAKE_ROOM: &str = "delete some with the control API, or reset the sandbox";

/// A page of another site would create a sandbox with every request.
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

/// 302, as the documentation has it for a code.
pub(crate) fn found(location: &str) -> Response {
    redirect(StatusCode::FOUND, location)
}

/// 308, so that method and body go along.
pub(crate) fn moved(location: &str) -> Response {
    redirect(StatusCode::PERMANENT_REDIRECT, location)
}

fn redirect(status: StatusCode, location: &str) -> Response {
    let mut response = (status, Body::empty()).into_response();
    put(&mut response, LOCATION, location);
    response
}

/// 303, so that a POST goes on as a GET.
pub(crate) fn see_other(location: &str) -> Response {
    redirect(StatusCode::SEE_OTHER, location)
}

/// The answer, and a cookie with it.
pub(crate) fn with_cookie(mut response: Response, cookie: Option<&str>) -> Response {
    if let Some(cookie) = cookie.and_then(|cookie| HeaderValue::from_str(cookie).ok()) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// 204 to a preflight of an endpoint that anybody may call.
pub(crate) fn preflight(methods: &'static str) -> Response {
    Cors::Any(methods).apply(StatusCode::NO_CONTENT.into_response())
}

/// 204 to a preflight that lets one origin send cookies along.
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

/// 404 for an endpoint that the deployed server did not have when it was recorded.
pub(crate) fn not_in_recording(path: &str, difference: Difference) -> Response {
    let why = format!(
        "{path} did not exist when the deployed server was recorded (difference {difference})"
    );
    let why = Invalid::new("", why)
        .with_hint(format!("follow another contract, or set {difference}=live"));
    invalid(StatusCode::NOT_FOUND, "not_found", &why)
}

/// 405 in the words of the framework that Civitai's server is built on.
pub(crate) fn method_not_allowed(method: &Method, allow: &'static str) -> Response {
    let text = format!("{method} method not allowed");
    (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, allow)], text).into_response()
}
