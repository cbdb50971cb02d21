//! Errors of workflows and blobs: RFC 7807 problems as the orchestrator's framework writes them, or the documented
//! alternative.

use axum::Json;
use axum::http::StatusCode;
use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::submission::InvalidInput;
use crate::contract::Difference;
use crate::protocol::contract_rules::ContractRules;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::store::StoreError;

/// An error of the orchestrator.
#[derive(Debug)]
pub(crate) enum OrchestratorError {
    Invalid(InvalidInput),
    Unauthorized,
    InsufficientScope(&'static str),
    InsufficientFunds,
    NotFound,
    MethodNotAllowed {
        allow: &'static str,
    },
    UnsupportedMediaType(String),
    Failure(StoreError),
    /// The documented error for a missing scope.
    DocumentedScope(&'static str),
    /// The documented error for too little buzz.
    DocumentedFunds,
}

impl From<StoreError> for OrchestratorError {
    fn from(error: StoreError) -> Self {
        Self::Failure(error)
    }
}

impl From<InvalidInput> for OrchestratorError {
    fn from(error: InvalidInput) -> Self {
        Self::Invalid(error)
    }
}

/// The documented message and the recorded message for too little buzz, and for an exceeded budget.
const NO_FUNDS: &str = "Hey buddy, seems like you don't have enough funds to perform this action.";

impl OrchestratorError {
    /// Difference `insufficient-scope`.
    pub(super) fn insufficient_scope(scope: &'static str, rules: &ContractRules) -> Self {
        if is_scope_documented(rules) {
            Self::DocumentedScope(scope)
        } else {
            Self::InsufficientScope(scope)
        }
    }

    /// Difference `insufficient-funds`.
    pub(super) fn insufficient_funds(rules: &ContractRules) -> Self {
        rules.record_divergence(Difference::InsufficientFunds, true);
        if rules.follows_documentation(Difference::InsufficientFunds) {
            Self::DocumentedFunds
        } else {
            Self::InsufficientFunds
        }
    }
}

/// Difference `insufficient-scope`, for the orchestrator and the site.
pub(super) fn is_scope_documented(rules: &ContractRules) -> bool {
    rules.record_divergence(Difference::InsufficientScope, true);
    rules.follows_documentation(Difference::InsufficientScope)
}

/// The documented error for a token without this scope.
pub(super) fn documented_scope(scope: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InsufficientScope, missing_scope(scope))
}

fn missing_scope(scope: &str) -> String {
    format!("Token does not have {scope} scope")
}

impl IntoResponse for OrchestratorError {
    fn into_response(self) -> Response {
        match self {
            Self::Invalid(error) => {
                let body = json!({
                    "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
                    "title": "One or more validation errors occurred.",
                    "status": 400,
                    "errors": { error.path: [error.message] },
                });
                document(StatusCode::BAD_REQUEST, body)
            }
            Self::Unauthorized => problem(StatusCode::UNAUTHORIZED, "15.5.2", None),
            Self::InsufficientScope(scope) => {
                let detail = missing_scope(scope);
                problem(StatusCode::FORBIDDEN, "15.5.4", Some(&detail))
            }
            Self::InsufficientFunds => problem(StatusCode::FORBIDDEN, "15.5.4", Some(NO_FUNDS)),
            Self::NotFound => problem(StatusCode::NOT_FOUND, "15.5.5", None),
            Self::MethodNotAllowed { allow } => {
                let problem = problem(StatusCode::METHOD_NOT_ALLOWED, "15.5.6", None);
                ([(ALLOW, allow)], problem).into_response()
            }
            Self::UnsupportedMediaType(detail) => {
                problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "15.5.16", Some(&detail))
            }
            Self::Failure(error) => OAuthError::from(error).into_response(),
            Self::DocumentedScope(scope) => documented_scope(scope).into_response(),
            Self::DocumentedFunds => {
                let body = json!({ "code": "BAD_REQUEST", "message": NO_FUNDS });
                (StatusCode::BAD_REQUEST, Json(body)).into_response()
            }
        }
    }
}

/// A problem of a section of RFC 9110.
fn problem(status: StatusCode, section: &str, detail: Option<&str>) -> Response {
    let mut body = json!({
        "type": format!("https://tools.ietf.org/html/rfc9110#section-{section}"),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
    });
    if let Some(detail) = detail {
        body["detail"] = detail.into();
    }
    document(status, body)
}

fn document(status: StatusCode, body: Value) -> Response {
    let kind = [(CONTENT_TYPE, "application/problem+json; charset=utf-8")];
    (status, kind, Json(body)).into_response()
}
