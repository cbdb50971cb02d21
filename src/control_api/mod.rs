//! The control API: HTTP under `/_mock/…`, JSON in and out. `operations.rs` is the table of its operations.

mod handlers;
mod input;
mod lists;
mod openapi;
mod operation;
mod operations;
mod response;
mod schemas;

use std::sync::Arc;

use axum::middleware;

use crate::http::access_guard;
use crate::http::state::{AppState, Routes};

/// The routes of the control API, behind the access guard.
pub(crate) fn routes(app: Arc<AppState>) -> Routes {
    operations::operations()
        .into_iter()
        .fold(Routes::new(), |all, operation| {
            let takes = input::AcceptedInput::new(operation.query, operation.body);
            let only = middleware::from_fn_with_state(takes, input::reject_unknown_input);
            let mut route = operation.route.route_layer(only);
            if operation.is_list {
                let turn = app.list_turn.clone();
                route =
                    route.route_layer(middleware::from_fn_with_state(turn, lists::one_at_a_time));
            }
            all.route(operation.path, route)
        })
        .method_not_allowed_fallback(handlers::wrong_method)
        .layer(middleware::from_fn_with_state(app, access_guard::admit))
}
