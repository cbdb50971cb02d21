//! Health checks. `/api/health` and `/api/health/live` report that the server answers, `/api/health/ready` also that it
//! can store what apps send. The client side is `cli/healthcheck.rs`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::http::state::{Routes, ServerState};
use crate::protocol::error::ErrorCode;

/// A database that needs longer to write one page counts as failed. Shorter than the timeouts of the callers.
const WRITE_TIMEOUT: Duration = Duration::from_secs(1);

/// Routes for container engines.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/api/health", get(liveness))
        .route("/api/health/live", get(liveness))
        .route("/api/health/ready", get(readiness))
}

async fn liveness(State(state): State<Arc<ServerState>>) -> Json<Value> {
    let mut answer = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    if let Some(commit) = state.commit {
        answer["commit"] = commit.into();
    }
    let journals = state.registry.journal_memory();
    answer["journals"] = json!({
        "used_bytes": journals.used(),
        "limit_bytes": journals.limit(),
    });
    Json(answer)
}

/// 503 with the reason if nothing can be written, such as a full disk or a read-only folder.
async fn readiness(State(state): State<Arc<ServerState>>) -> Response {
    let result = tokio::time::timeout(WRITE_TIMEOUT, state.registry.store().ready()).await;
    let (error, message) = match result {
        Ok(Ok(())) => return Json(json!({ "status": "ok" })).into_response(),
        Ok(Err(error)) => (ErrorCode::Unwritable.name(), error.to_string()),
        Err(_) => {
            let seconds = WRITE_TIMEOUT.as_secs();
            let message = format!("the database did not respond within {seconds} s");
            ("timeout", message)
        }
    };
    tracing::warn!(%message, "the database cannot be written");
    let answer = json!({
        "status": "unavailable",
        "error": error,
        "message": message,
        "hint": "free disk space, or make the file of --database writable for the server; restart the server only if the message says so",
    });
    (StatusCode::SERVICE_UNAVAILABLE, Json(answer)).into_response()
}
