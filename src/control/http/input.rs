//! How are the bodies and the queries of control calls read? What is done with them is `doors.rs`.

use std::error::Error;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::invalid::{self, Invalid};
use crate::listener::TooSlow;
use crate::oauth::extract::LONGEST_BODY;
use crate::oauth::respond;

/// A JSON body that is an object. An empty one counts as `{}`.
pub(super) struct Input<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let value = read(request).await?;
        invalid::from_object(value).map(Self).map_err(refuse)
    }
}

/// A JSON body of any kind: what kinds there are, the type knows.
pub(super) struct AnyInput<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for AnyInput<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let value = read(request).await?;
        invalid::from_json(value).map(Self).map_err(refuse)
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` hands on"
)]
fn refuse(why: Invalid) -> Response {
    respond::invalid(StatusCode::BAD_REQUEST, "invalid", &why)
}

async fn read(request: Request) -> Result<Value, Response> {
    let bytes = to_bytes(request.into_body(), LONGEST_BODY)
        .await
        .map_err(|why| unread(&why))?;
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(&bytes)
        .map_err(|why| refuse(Invalid::new("", format!("the body is not JSON: {why}"))))
}

/// What is said of a body that could not be read to its end.
fn unread(why: &axum::Error) -> Response {
    let first: &(dyn Error + 'static) = why;
    let mut causes = std::iter::successors(Some(first), |why| <dyn Error>::source(*why));
    let (status, error, why) = if let Some(late) = causes.clone().find(|why| why.is::<TooSlow>()) {
        let why = Invalid::new("", late.to_string());
        let why = why.with_hint("send it in one piece, or raise --body-timeout");
        (StatusCode::REQUEST_TIMEOUT, "too_slow", why)
    } else if causes.any(<dyn Error>::is::<hyper::Error>) {
        let why = Invalid::new("", "the body broke off before its end");
        let why = why.with_hint("send as much as Content-Length says, or well-formed chunks");
        (StatusCode::BAD_REQUEST, "invalid", why)
    } else {
        let why = format!("the body is longer than {LONGEST_BODY} bytes");
        let why = Invalid::new("", why).with_hint("send less at once");
        (StatusCode::PAYLOAD_TOO_LARGE, "too_large", why)
    };
    respond::invalid(status, error, &why)
}

/// The parameters of a query. What is not known is refused with the nearest that is.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        let object = pairs.map(|(name, value)| {
            let typed = typed(&name, &value);
            (name.into_owned(), typed)
        });
        invalid::from_json(Value::Object(object.collect()))
            .map(Self)
            .map_err(refuse)
    }
}

/// A JSON body, with the parameters of the query as further keys: whoever narrows a DELETE by the one must not find
/// everything gone because the other was read.
pub(super) struct Either<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Either<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut value = read(request).await?;
        if let Some(object) = value.as_object_mut() {
            for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
                object.insert(name.clone().into_owned(), typed(&name, &value));
            }
        }
        invalid::from_object(value).map(Self).map_err(refuse)
    }
}

/// A query has only text: numbers and truths are what looks like them.
fn typed(name: &str, text: &str) -> Value {
    match text {
        "true" | "false" if name == "secrets" => Value::Bool(text == "true"),
        text if COUNTED.contains(&name) => text
            .parse::<i64>()
            .map_or_else(|_| text.into(), Value::from),
        text => text.into(),
    }
}

/// The parameters that are numbers; a user is named by one or by text.
const COUNTED: [&str; 6] = ["after", "before", "count", "limit", "status", "user"];
