//! Bodies of POST `/mcp` that are no JSON-RPC message. rmcp answers them with text and the status 415; here they get
//! a JSON-RPC error and the status 400, as the transport of MCP has it.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use axum::{Error, Json};
use rmcp::model::{ClientJsonRpcMessage, ErrorCode};
use serde_json::{Value, json};

use crate::listener::Unread;
use crate::oauth::extract::LONGEST_BODY;

/// A JSON-RPC error instead of an answer of rmcp.
struct Refused {
    status: StatusCode,
    code: ErrorCode,
    message: String,
    /// The id of the message, if it has one.
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
        let (status, message) = match Unread::new(error) {
            Unread::TooLong => (
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("the message is longer than {LONGEST_BODY} bytes"),
            ),
            Unread::TooSlow(error) => (
                StatusCode::REQUEST_TIMEOUT,
                format!("{error}; raise --body-timeout"),
            ),
            Unread::Broken => (
                StatusCode::BAD_REQUEST,
                "the message ended before its end".to_owned(),
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

/// The layer that lets only JSON-RPC messages through to rmcp.
pub(crate) async fn check(request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !is_json(request.headers()) {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let bytes = match to_bytes(body, LONGEST_BODY).await {
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
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    let essence = kind.and_then(|kind| kind.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

fn refusal(bytes: &Bytes) -> Option<Refused> {
    // By far the most messages are well-formed.
    let Err(unknown) = serde_json::from_slice::<ClientJsonRpcMessage>(bytes) else {
        return None;
    };
    let message: Value = match serde_json::from_slice(bytes) {
        Ok(message) => message,
        Err(error) => {
            let message = format!("the message is not JSON: {error}");
            return Some(Refused::new(ErrorCode::PARSE_ERROR, message));
        }
    };
    let text = match &message {
        Value::Array(_) => "batches are not supported: send one message at a time".to_owned(),
        Value::Object(_) => format!("not a JSON-RPC message: {unknown}"),
        _ => "a JSON-RPC message is an object".to_owned(),
    };
    let id = message.get("id").filter(|id| id.is_string() || id.is_i64());
    Some(Refused {
        id: id.cloned().unwrap_or_default(),
        ..Refused::new(ErrorCode::INVALID_REQUEST, text)
    })
}
