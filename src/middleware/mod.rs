//! The request pipeline: find the sandbox, read the body, apply faults, call the handler, record the exchange in the
//! journal. The handlers are in `oauth/`, `api/`, `pages/` and `control_api/`; the access guard of the control API is
//! `http/access_guard.rs`.

mod dispatch;
mod exchange;
mod fault_target;
mod faults;
mod first_request;
mod journal;
mod log_line;
mod request_log;
mod run_to_completion;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;

#[cfg(feature = "cli")]
pub(crate) use log_line::TARGET as LOG_TARGET;

use crate::http::base_url::SandboxPrefix;
use crate::http::respond;
use crate::http::state::ServerState;

/// Answers a request in the sandbox that its path names.
pub(crate) async fn handle(state: Arc<ServerState>, request: Request, routes: Router) -> Response {
    let path = SandboxPrefix::from_extensions(request.extensions());
    match state.registry.find(path.name()).await {
        Ok(Some(sandbox)) => exchange::run_exchange(&state, sandbox, request, routes).await,
        Ok(None) => first_request::answer_first_request(&state, request, routes).await,
        Err(error) => respond::failure(&error),
    }
}
