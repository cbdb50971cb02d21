//! Extractors for bodies and queries of the control API. Unknown keys are errors.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::signature::{AcceptedInput, Input, Schema, Signature};
use crate::http::body::MAX_BODY_BYTES;
use crate::http::body_error::BodyError;
use crate::http::respond;
use crate::invalid::{self, Invalid};
use crate::protocol::json::{MAX_JSON_VALUES, has_too_many_values};
use crate::redact::{REDACTED, is_secret, redact, redact_text};

/// A JSON body. An empty one counts as `{}`.
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let value = read(request).await?;
        invalid::from_json(value).map(Self).map_err(refuse)
    }
}

impl<T: Schema> Input for JsonBody<T> {
    fn describe(signature: &mut Signature) {
        signature.set_body::<T>();
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` hands on"
)]
fn refuse(invalid: Invalid) -> Response {
    respond::invalid(StatusCode::BAD_REQUEST, "invalid", &invalid)
}

/// Middleware of each operation. Rejects a query or a body that the operation does not read: a DELETE with an ignored filter
/// would delete everything.
pub(crate) async fn reject_unknown_input(
    State(accepts): State<AcceptedInput>,
    request: Request,
    next: Next,
) -> Response {
    if !accepts.query
        && let Some(parameter) = pairs(request.uri().query()).next()
    {
        let (name, value) = parameter;
        let hint = if accepts.body {
            "this operation has no query parameters: send keys and values as JSON in the body"
        } else {
            "this operation has no input"
        };
        return refuse(unknown(&name, &json!(value)).with_hint(hint));
    }
    if accepts.body {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = match bytes(body).await {
        Ok(bytes) => bytes,
        Err(refused) => return refused,
    };
    let unread = match json_of(&bytes) {
        Err(invalid) => Some(invalid),
        Ok(Value::Null) => None,
        Ok(Value::Object(object)) => object
            .iter()
            .next()
            .map(|(name, value)| unknown(name, value)),
        Ok(value) => Some(Invalid::new(
            "",
            format!("unexpected body {}", shorten("", &value)),
        )),
    };
    match unread {
        Some(invalid) if !accepts.query => refuse(invalid.with_hint("this operation has no input")),
        Some(invalid) => {
            refuse(invalid.with_hint("this operation has no body: send parameters in the query"))
        }
        None => next.run(Request::from_parts(parts, Body::empty())).await,
    }
}

fn unknown(name: &str, value: &Value) -> Invalid {
    let value = shorten(name, value);
    let name = redact_text(name);
    let message = format!("unknown key {name:?} with the value {value}");
    Invalid::new(name, message)
}

/// A value for an error message: redacted, and cut after [`MAX_REPEATED_CHARS`].
fn shorten(name: &str, value: &Value) -> String {
    if is_secret(name) {
        return REDACTED.to_owned();
    }
    let whole = redact(value.clone()).to_string();
    match whole.char_indices().nth(MAX_REPEATED_CHARS) {
        Some((at, _)) => format!("{}…", &whole[..at]),
        None => whole,
    }
}

const MAX_REPEATED_CHARS: usize = 80;

async fn bytes(body: Body) -> Result<Bytes, Response> {
    to_bytes(body, MAX_BODY_BYTES)
        .await
        .map_err(|error| body_error(&error))
}

async fn read(request: Request) -> Result<Value, Response> {
    json_of(&bytes(request.into_body()).await?).map_err(refuse)
}

/// A body as JSON. An empty one counts as `{}`.
fn json_of(bytes: &[u8]) -> Result<Value, Invalid> {
    if bytes.is_empty() {
        return Ok(json!({}));
    }
    if has_too_many_values(bytes) {
        let message = format!("the body has more than {MAX_JSON_VALUES} values");
        return Err(Invalid::new("", message).with_hint("split it into several requests"));
    }
    serde_json::from_slice(bytes).map_err(|reason| {
        let error = Invalid::new("", format!("the body is not JSON: {reason}"));
        let bare = std::str::from_utf8(bytes).map_or("", str::trim);
        if is_bare_word(bare) && redact_text(bare) == bare {
            error.with_hint(format!("put {bare} in quotes: {bare:?}"))
        } else if is_form(bare) {
            error.with_hint(
                "send JSON, not a form: curl -d '{…}', or the parameter json= of Python's requests",
            )
        } else {
            error
        }
    })
}

/// Whether a text is the body of a form, as most HTTP clients send a dictionary: `a=1&b=2`.
fn is_form(text: &str) -> bool {
    text.split('&').all(|pair| {
        let name = pair.split_once('=').map_or("", |(name, _)| name);
        !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.[]%-".contains(&byte))
    })
}

/// Whether a text looks like JSON text without its quotes: `1h`, `2026-01-01T00:00:00Z`.
fn is_bare_word(text: &str) -> bool {
    (1..=40).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:+".contains(&byte))
}

/// The response to a body that could not be read to its end.
fn body_error(error: &axum::Error) -> Response {
    let (status, error, invalid) = match BodyError::new(error) {
        BodyError::TooSlow(late) => {
            let invalid = Invalid::new("", late.to_string());
            let invalid = invalid.with_hint("send it faster, or raise --body-timeout");
            (StatusCode::REQUEST_TIMEOUT, "too_slow", invalid)
        }
        BodyError::NoMemory(error) => return respond::no_body_memory(error),
        BodyError::Broken => {
            let invalid = Invalid::new("", "the body is incomplete");
            let invalid =
                invalid.with_hint("send as many bytes as Content-Length, or well-formed chunks");
            (StatusCode::BAD_REQUEST, "invalid", invalid)
        }
        BodyError::TooLong => {
            let message = format!("the body is longer than {MAX_BODY_BYTES} bytes");
            let invalid = Invalid::new("", message).with_hint("split it into several requests");
            (StatusCode::PAYLOAD_TOO_LARGE, "too_large", invalid)
        }
    };
    respond::invalid(status, error, &invalid)
}

/// The parameters of a query. An unknown name is an error that suggests the nearest known one.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let mut object = Map::new();
        add(&mut object, parts.uri.query())
            .and_then(|()| invalid::from_json(Value::Object(object)))
            .map(Self)
            .map_err(refuse)
    }
}

impl<T: Schema> Input for Query<T> {
    fn describe(signature: &mut Signature) {
        signature.set_query::<T>();
    }
}

/// A JSON body with the query parameters as further keys, so that a DELETE takes its filter from either.
pub(crate) struct JsonOrQuery<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonOrQuery<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let mut value = read(request).await?;
        if let Some(object) = value.as_object_mut() {
            add(object, Some(&query)).map_err(refuse)?;
        }
        invalid::from_json(value).map(Self).map_err(refuse)
    }
}

impl<T: Schema> Input for JsonOrQuery<T> {
    fn describe(signature: &mut Signature) {
        signature.set_query::<T>();
        signature.set_body::<T>();
    }
}

fn pairs(query: Option<&str>) -> url::form_urlencoded::Parse<'_> {
    url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
}

/// Adds the parameters of a query to an object. Errors: a key is in both.
fn add(object: &mut Map<String, Value>, query: Option<&str>) -> Result<(), Invalid> {
    for (name, value) in pairs(query) {
        let value = Value::from(&*value);
        if let Some(before) = object.get(&*name) {
            let message = format!(
                "the key {name:?} is given twice: {} and {}",
                shorten(&name, before),
                shorten(&name, &value)
            );
            return Err(Invalid::new(name, message).with_hint("omit one of them"));
        }
        object.insert(name.into_owned(), value);
    }
    Ok(())
}
