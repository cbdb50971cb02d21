//! Rejection of POST `/mcp` bodies that are not JSON-RPC messages. rmcp answers them with text and status 415; here
//! they get a JSON-RPC error and status 400, as the MCP transport specifies.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::{Error, Json};
use rmcp::model::{ClientJsonRpcMessage, ErrorCode};
use serde_json::{Map, Value, json};

use crate::http::body::{MAX_BODY_BYTES, is};
use crate::http::body_error::BodyError;
use crate::http::context::header;
use crate::protocol::json::{MAX_JSON_VALUES, has_too_many_values};

/// A JSON-RPC error that replaces a response of rmcp.
struct Refused {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    /// The ID of the message, if it has one.
    id: Value,
}

impl Refused {
    fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
            id: Value::Null,
        }
    }

    fn unread(error: &Error) -> Self {
        let (status, message) = match BodyError::new(error) {
            BodyError::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the message is longer than {MAX_BODY_BYTES} bytes"),
            ),
            BodyError::TooSlow(error) => (
                StatusCode::REQUEST_TIMEOUT,
                format!("{error}; raise --body-timeout"),
            ),
            BodyError::NoMemory(error) => (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("{error}; send the message again later"),
            ),
            BodyError::Broken => (
                StatusCode::BAD_REQUEST,
                "the message is incomplete".to_owned(),
            ),
        };
        Self {
            status,
            ..Self::new(ErrorCode::INVALID_REQUEST, message)
        }
    }

    fn into_response(self) -> Response {
        let error = json!({ "code": self.code.0, "message": self.message });
        let body = json!({ "jsonrpc": "2.0", "id": self.id, "error": error });
        (self.status, Json(body)).into_response()
    }
}

/// Middleware that passes only JSON-RPC messages to rmcp.
pub(crate) async fn check(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !is_json(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(bytes) => bytes,
        Err(error) => return Refused::unread(&error).into_response(),
    };
    match refusal(&bytes) {
        Some(refused) => refused.into_response(),
        None => {
            next.run(Request::from_parts(parts, Body::from(bytes)))
                .await
        }
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    header(headers, CONTENT_TYPE.as_str()).is_some_and(|kind| is(kind, "application/json"))
}

fn refusal(bytes: &Bytes) -> Option<Refused> {
    if has_too_many_values(bytes) {
        let message = format!("the message has more than {MAX_JSON_VALUES} values");
        return Some(Refused::new(ErrorCode::INVALID_REQUEST, message));
    }
    // Almost every message is well-formed.
    if serde_json::from_slice::<ClientJsonRpcMessage>(bytes).is_ok() {
        return None;
    }
    let message: Value = match serde_json::from_slice(bytes) {
        Ok(message) => message,
        Err(error) => {
            let message = format!("the message is not JSON: {error}");
            return Some(Refused::new(ErrorCode::PARSE_ERROR, message));
        }
    };
    let text = match &message {
        Value::Array(_) => "batches are not supported: send one message at a time",
        Value::Object(object) => mistake(object),
        _ => "a JSON-RPC message must be an object",
    };
    let id = message.get("id").filter(|id| id.is_string() || id.is_i64());
    Some(Refused {
        id: id.cloned().unwrap_or_default(),
        ..Refused::new(ErrorCode::INVALID_REQUEST, text)
    })
}

/// The reason that an object is not a message.
fn mistake(object: &Map<String, Value>) -> &'static str {
    let is = |key, check: fn(&Value) -> bool| object.get(key).is_none_or(check);
    if object.get("jsonrpc").is_none_or(|version| version != "2.0") {
        r#"jsonrpc must be "2.0""#
    } else if !is("id", |id| id.is_string() || id.is_i64()) {
        "id must be a string or an integer"
    } else if !object.get("method").is_some_and(Value::is_string) {
        "method must be a string"
    } else if !is("params", Value::is_object) {
        "params must be an object"
    } else {
        "not a JSON-RPC request or notification"
    }
}
