//! Responses of the API endpoints: the only place that chooses their status and headers. Three of Civitai's servers are
//! behind them, with three formats of errors.

use std::sync::Arc;

use axum::http::header::{ALLOW, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::submission::Unusable;
use crate::contract::Difference;
use crate::http::respond;
use crate::http::respond::Cors;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::rules::Rules;
use crate::sandbox::spending;
use crate::store::StoreError;

/// The method that pages may use for `me` and tRPC.
const SITE: Cors = Cors::Any("GET");

/// The methods that pages may use for the orchestrator.
const ORCHESTRATOR: Cors = Cors::Any("GET, POST, PUT, PATCH, DELETE");

/// 204 for a preflight of the site.
pub(super) fn site_preflight() -> Response {
    SITE.apply(StatusCode::NO_CONTENT.into_response())
}

/// 204 for a preflight of the orchestrator.
pub(super) fn orchestrator_preflight() -> Response {
    ORCHESTRATOR.apply(StatusCode::NO_CONTENT.into_response())
}

/// 200 with the user.
pub(super) fn me(body: &Value) -> Response {
    respond::ok(body, SITE)
}

/// 401: no valid token or session.
pub(super) fn me_unauthorized() -> Response {
    let body = json!({ "error": "Unauthorized" });
    respond::with_status(StatusCode::UNAUTHORIZED, &body, SITE)
}

/// 405: `me` only accepts GET.
pub(super) fn me_method_not_allowed() -> Response {
    let body = json!({ "error": "Method not allowed" });
    let mut response = respond::with_status(StatusCode::METHOD_NOT_ALLOWED, &body, SITE);
    let allow = HeaderValue::from_static("GET, OPTIONS");
    response.headers_mut().insert(ALLOW, allow);
    response
}

/// Errors of a tRPC procedure. Source: the codes of `@trpc/server`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
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

impl Refusal {
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

/// The outcome of one procedure.
#[derive(Clone)]
pub(super) struct Called<'a> {
    pub(super) path: &'a str,
    /// The result as JSON text. Calls of one procedure in a batch share it.
    pub(super) outcome: Result<Arc<str>, Refusal>,
}

/// 503, without tRPC's envelope (ours): other requests occupy what the procedure needs.
pub(super) fn site_busy() -> Response {
    SITE.apply(respond::busy(spending::BUSY))
}

/// The response to a tRPC request: one outcome, or a batch. The status of a batch is 207 if the outcomes differ.
pub(super) fn trpc(calls: &[Called<'_>], is_batch: bool, method: &str) -> Response {
    let envelope = |call: &Called<'_>| match &call.outcome {
        Ok(data) => format!(r#"{{"result":{{"data":{{"json":{data}}}}}}}"#),
        Err(why) => why.envelope(call.path, method).to_string(),
    };
    let status = |call: &Called<'_>| match &call.outcome {
        Ok(_) => StatusCode::OK,
        Err(why) => why.status(),
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
    SITE.apply((common, kind, body).into_response())
}

/// Difference `insufficient-scope`, for the site. None if tRPC's own error applies.
pub(super) fn site_too_little_scope(rules: &Rules, scope: &str) -> Option<Response> {
    rules.record_divergence(Difference::InsufficientScope, true);
    rules
        .documented(Difference::InsufficientScope)
        .then(|| documented_scope(scope, SITE))
}

fn documented_scope(scope: &str, cors: Cors) -> Response {
    let why = format!("Token does not have {scope} scope");
    respond::error(&OAuthError::new(ErrorCode::InsufficientScope, why), cors)
}

/// A workflow: 200 if it is finished, otherwise 202.
pub(super) fn workflow(body: &Value, is_finished: bool) -> Response {
    let status = if is_finished {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    respond::with_status(status, body, ORCHESTRATOR)
}

/// 200 with a page of workflows.
pub(super) fn workflows(body: &Value) -> Response {
    respond::ok(body, ORCHESTRATOR)
}

/// 204: a workflow was changed or deleted.
pub(super) fn changed() -> Response {
    ORCHESTRATOR.apply(StatusCode::NO_CONTENT.into_response())
}

/// 200 with the properties of a blob, or with an upload URL.
pub(super) fn blob(body: &Value) -> Response {
    respond::ok(body, ORCHESTRATOR)
}

/// The response for an uploaded blob.
pub(super) fn uploaded(body: &Value) -> Response {
    respond::with_status(StatusCode::CREATED, body, ORCHESTRATOR)
}

/// 200 with the image of a workflow.
pub(super) fn picture(png: Vec<u8>) -> Response {
    let kind = [(CONTENT_TYPE, HeaderValue::from_static("image/png"))];
    ORCHESTRATOR.apply((kind, png).into_response())
}

/// Errors of the orchestrator.
#[derive(Debug)]
pub(super) enum Problem {
    Unusable(Unusable),
    Unauthorized,
    TooLittleScope(&'static str),
    TooLittleBuzz,
    NotFound,
    MethodNotAllowed(&'static str),
    UnsupportedMediaType(String),
    Failure(StoreError),
}

impl From<StoreError> for Problem {
    fn from(why: StoreError) -> Self {
        Self::Failure(why)
    }
}

impl From<Unusable> for Problem {
    fn from(why: Unusable) -> Self {
        Self::Unusable(why)
    }
}

/// The documented message and the recorded message for too little buzz, and for an exceeded budget.
const NO_FUNDS: &str = "Hey buddy, seems like you don't have enough funds to perform this action.";

/// An RFC 7807 problem as the orchestrator's framework writes it, or the documented alternative.
pub(super) fn problem(why: Problem, rules: &Rules) -> Response {
    match why {
        Problem::TooLittleScope(_) => rules.record_divergence(Difference::InsufficientScope, true),
        Problem::TooLittleBuzz => rules.record_divergence(Difference::InsufficientFunds, true),
        _ => {}
    }
    match why {
        Problem::Unusable(why) => {
            let body = json!({
                "type": "https://tools.ietf.org/html/rfc9110#section-15.5.1",
                "title": "One or more validation errors occurred.",
                "status": 400,
                "errors": { why.path: [why.message] },
            });
            as_problem(StatusCode::BAD_REQUEST, &body)
        }
        Problem::Unauthorized => plain_problem(StatusCode::UNAUTHORIZED, "15.5.2", None),
        Problem::TooLittleScope(scope) if rules.documented(Difference::InsufficientScope) => {
            documented_scope(scope, ORCHESTRATOR)
        }
        Problem::TooLittleScope(scope) => {
            let why = format!("Token does not have {scope} scope");
            plain_problem(StatusCode::FORBIDDEN, "15.5.4", Some(&why))
        }
        Problem::TooLittleBuzz if rules.documented(Difference::InsufficientFunds) => {
            let body = json!({ "code": "BAD_REQUEST", "message": NO_FUNDS });
            respond::with_status(StatusCode::BAD_REQUEST, &body, ORCHESTRATOR)
        }
        Problem::TooLittleBuzz => plain_problem(StatusCode::FORBIDDEN, "15.5.4", Some(NO_FUNDS)),
        Problem::NotFound => plain_problem(StatusCode::NOT_FOUND, "15.5.5", None),
        Problem::MethodNotAllowed(allow) => {
            let mut response = plain_problem(StatusCode::METHOD_NOT_ALLOWED, "15.5.6", None);
            let allow = HeaderValue::from_static(allow);
            response.headers_mut().insert(ALLOW, allow);
            response
        }
        Problem::UnsupportedMediaType(why) => {
            plain_problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, "15.5.16", Some(&why))
        }
        Problem::Failure(why) => respond::error(&OAuthError::from(why), ORCHESTRATOR),
    }
}

fn plain_problem(status: StatusCode, section: &str, detail: Option<&str>) -> Response {
    let mut body = json!({
        "type": format!("https://tools.ietf.org/html/rfc9110#section-{section}"),
        "title": status.canonical_reason(),
        "status": status.as_u16(),
    });
    if let Some(detail) = detail {
        body["detail"] = detail.into();
    }
    as_problem(status, &body)
}

fn as_problem(status: StatusCode, body: &Value) -> Response {
    let mut response = respond::with_status(status, body, ORCHESTRATOR);
    let kind = HeaderValue::from_static("application/problem+json; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
