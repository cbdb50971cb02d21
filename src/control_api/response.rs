//! Responses of the control API: JSON, and the status of each error.

use std::marker::PhantomData;

use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::signature::{Output, Schema, Signature};
use crate::control::ControlError;
use crate::control::devices::Empty;
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
                let answer = json(StatusCode::SERVICE_UNAVAILABLE, &self.to_json());
                return (wait, answer).into_response();
            }
            Self::Store(error) => return respond::failure(error),
        };
        json(status, &self.to_json())
    }
}

/// 200 with this value as JSON.
pub(crate) struct JsonResponse<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for JsonResponse<T> {
    fn into_response(self) -> Response {
        json(StatusCode::OK, &self.0)
    }
}

impl<T: Schema> Output for JsonResponse<T> {
    fn describe(signature: &mut Signature) {
        signature.set_returns::<T>();
    }
}

/// 200 with `{}`.
pub(crate) fn done() -> JsonResponse<Empty> {
    JsonResponse(Empty {})
}

/// 201 with this value as JSON.
pub(crate) struct Created<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        json(StatusCode::CREATED, &self.0)
    }
}

impl<T: Schema> Output for Created<T> {
    fn describe(signature: &mut Signature) {
        signature.set_returns::<T>();
        #[cfg(feature = "openapi")]
        {
            signature.is_created = true;
        }
    }
}

/// A response that is rendered already, as the JSON of a `T`.
pub(crate) struct Rendered<T> {
    response: Response,
    of: PhantomData<T>,
}

impl<T> Rendered<T> {
    pub(crate) fn new(response: impl IntoResponse) -> Self {
        Self {
            response: response.into_response(),
            of: PhantomData,
        }
    }
}

impl<T> IntoResponse for Rendered<T> {
    fn into_response(self) -> Response {
        self.response
    }
}

impl<T: Schema> Output for Rendered<T> {
    fn describe(signature: &mut Signature) {
        signature.set_returns::<T>();
    }
}

/// JSON without terminal control characters: it repeats text from clients.
fn json(status: StatusCode, body: &impl Serialize) -> Response {
    let Ok(json) = serde_json::to_string(body) else {
        // Unreachable: the views of the control API always serialize.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let json = printable_json(&json).into_owned();
    (status, [(CONTENT_TYPE, "application/json")], json).into_response()
}
