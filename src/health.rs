//! Is the server well? `/api/health` and `/api/health/live`: it answers. `/api/health/ready`: what an app sends would be
//! kept, too. The program's own question is `cli/healthcheck.rs`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};

use crate::http::state::{AppState, Routes};

/// A database that takes longer than this to write one page is as good as none: less than whoever asks would wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// What container engines ask.
pub(crate) fn routes() -> Routes {
    Routes::new()
        .route("/api/health", get(live))
        .route("/api/health/live", get(live))
        .route("/api/health/ready", get(ready))
}

async fn live(State(app): State<Arc<AppState>>) -> Json<Value> {
    let mut answer = json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") });
    if let Some(commit) = app.commit {
        answer["commit"] = commit.into();
    }
    let journals = app.registry.journal_memory();
    answer["journals"] = json!({
        "used_bytes": journals.used(),
        "limit_bytes": journals.limit(),
    });
    Json(answer)
}

/// 503 with the reason where nothing can be written: a full disk, a folder that may only be read.
async fn ready(State(app): State<Arc<AppState>>) -> Response {
    let why = match tokio::time::timeout(PATIENCE, app.registry.store().ready()).await {
        Ok(Ok(())) => return Json(json!({ "status": "ok" })).into_response(),
        Ok(Err(why)) => why.to_string(),
        Err(_) => format!(
            "the database has not answered within {} s",
            PATIENCE.as_secs()
        ),
    };
    tracing::warn!(%why, "the database cannot be written");
    let answer = json!({
        "status": "unavailable",
        "message": why,
        "hint": "free the disk, or let the server write to the file of --database; restart it only if the message says so",
    });
    (StatusCode::SERVICE_UNAVAILABLE, Json(answer)).into_response()
}
