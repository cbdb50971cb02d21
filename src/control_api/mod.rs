//! The control API: HTTP under `/_mock/…`, JSON in and out. `operations.rs` has the table of its operations.

mod input;
mod lists;
#[cfg(feature = "openapi")]
mod openapi;
mod operation;
mod operations;
mod response;
#[cfg(feature = "openapi")]
mod schemas;
mod signature;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::Response;

use crate::http::access_guard;
use crate::http::respond;
use crate::http::state::{Routes, ServerState};
use crate::invalid::Invalid;

/// The routes of the control API, behind the access guard.
pub(crate) fn routes(state: Arc<ServerState>) -> Routes {
    let operations = operations::operations().into_iter();
    #[cfg(feature = "openapi")]
    let operations = operations.chain([openapi::operation()]);
    operations
        .fold(Routes::new(), |all, operation| {
            let accepts = operation.signature.accepts;
            let only = middleware::from_fn_with_state(accepts, input::reject_unknown_input);
            let mut route = operation.route.route_layer(only);
            if operation.is_list {
                let turn = state.long_lists.clone();
                route =
                    route.route_layer(middleware::from_fn_with_state(turn, lists::one_at_a_time));
            }
            all.route(operation.path, route)
        })
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(
            state,
            access_guard::require_access,
        ))
}

async fn wrong_method(request: Request) -> Response {
    let message = format!(
        "{} does not support {}",
        request.uri().path(),
        request.method()
    );
    let error = Invalid::new("", message)
        .with_hint("/_mock/openapi.json lists the operations of the control API");
    respond::invalid(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &error)
}
