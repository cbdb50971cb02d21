//! Responses of the control API: JSON, and the status of each error.

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};

use crate::control::{ControlError, ControlResult};
use crate::http::respond;
use crate::redact::printable_json;

impl IntoResponse for ControlError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Conflict(_) | Self::Mismatch { .. } => StatusCode::CONFLICT,
            Self::Busy(_) => {
                let wait = [(RETRY_AFTER, "1")];
                let answer = with_status(StatusCode::SERVICE_UNAVAILABLE, &self.to_json());
                return (wait, answer).into_response();
            }
            Self::Store(error) => return respond::failure(error),
        };
        with_status(status, &self.to_json())
    }
}

pub(crate) type Answer = ControlResult<Response>;

pub(crate) fn ok(body: &impl serde::Serialize) -> Response {
    with_status(StatusCode::OK, body)
}

pub(crate) fn created(body: &impl serde::Serialize) -> Response {
    with_status(StatusCode::CREATED, body)
}

/// JSON without terminal control characters: it repeats text from clients.
fn with_status(status: StatusCode, body: &impl serde::Serialize) -> Response {
    let Ok(json) = serde_json::to_string(body) else {
        // Unreachable: the views of the control API always serialize.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    as_json("application/json", status, &json)
}

fn as_json(kind: &'static str, status: StatusCode, json: &str) -> Response {
    let json = printable_json(json).into_owned();
    (status, [(CONTENT_TYPE, kind)], json).into_response()
}
