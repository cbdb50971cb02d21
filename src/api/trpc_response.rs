//! Responses to tRPC requests: envelopes of results and errors, and the common status of a batch.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Errors of a tRPC procedure. Source: the codes of `@trpc/server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProcedureError {
    Unauthorized,
    Forbidden,
    NotFound,
    MethodNotSupported,
    /// Ours: the batch has more calls than the limit.
    BatchTooLong {
        calls: usize,
        most: usize,
    },
    /// Ours: the batch repeats a long response.
    BatchTooLarge {
        most: usize,
    },
}

impl ProcedureError {
    fn status(self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotSupported => StatusCode::METHOD_NOT_ALLOWED,
            Self::BatchTooLong { .. } | Self::BatchTooLarge { .. } => StatusCode::BAD_REQUEST,
        }
    }

    fn envelope(self, path: &str, method: &str) -> Value {
        let (number, code) = match self {
            Self::Unauthorized => (-32001, "UNAUTHORIZED"),
            Self::Forbidden => (-32003, "FORBIDDEN"),
            Self::NotFound => (-32004, "NOT_FOUND"),
            Self::MethodNotSupported => (-32005, "METHOD_NOT_SUPPORTED"),
            Self::BatchTooLong { .. } | Self::BatchTooLarge { .. } => (-32600, "BAD_REQUEST"),
        };
        let message = match self {
            Self::Unauthorized => code.to_owned(),
            Self::Forbidden => {
                "Your API key does not have the required scope for this action".to_owned()
            }
            Self::NotFound => format!("No procedure found on path \"{path}\""),
            Self::MethodNotSupported => {
                format!("Unsupported {method}-request to query procedure at path \"{path}\"")
            }
            Self::BatchTooLong { calls, most } => {
                format!(
                    "{calls} calls in one batch; at most {most} are answered: send several batches"
                )
            }
            Self::BatchTooLarge { most } => {
                format!("the batch repeats more than {most} bytes: call each procedure once")
            }
        };
        let status = self.status().as_u16();
        let data = json!({ "code": code, "httpStatus": status, "path": path });
        json!({ "error": { "json": { "message": message, "code": number, "data": data } } })
    }
}

/// A call of a procedure and its outcome.
#[derive(Clone)]
pub(super) struct Call<'a> {
    pub(super) path: &'a str,
    /// The result as JSON text. Calls of one procedure in a batch share it.
    pub(super) outcome: Result<Arc<str>, ProcedureError>,
}

/// The response to a tRPC request: one outcome, or a batch. The status of a batch is 207 if the outcomes differ.
pub(super) fn render(calls: &[Call<'_>], is_batch: bool, method: &str) -> Response {
    let envelope = |call: &Call<'_>| match &call.outcome {
        Ok(data) => format!(r#"{{"result":{{"data":{{"json":{data}}}}}}}"#),
        Err(error) => error.envelope(call.path, method).to_string(),
    };
    let status = |call: &Call<'_>| match &call.outcome {
        Ok(_) => StatusCode::OK,
        Err(error) => error.status(),
    };
    let first = calls.first().map_or(StatusCode::OK, status);
    let common = if calls.iter().all(|call| status(call) == first) {
        first
    } else {
        StatusCode::MULTI_STATUS
    };
    let answers: Vec<String> = calls.iter().map(envelope).collect();
    let mut body = answers.join(",");
    if is_batch {
        body = format!("[{body}]");
    }
    let kind = [(CONTENT_TYPE, "application/json")];
    (common, kind, body).into_response()
}
