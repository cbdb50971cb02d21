//! The control API: HTTP under `/_mock/…`, JSON in and out. `operations.rs` has the table of its operations.

mod input;
pub(crate) mod lists;
#[cfg(feature = "openapi")]
mod openapi;
mod operation;
mod operations;
mod response;
#[cfg(feature = "openapi")]
mod schemas;
mod signature;

#[cfg(feature = "openapi")]
pub(crate) use openapi::document;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware;
use axum::response::Response;
use axum::routing::MethodRouter;

use crate::http::access_guard;
use crate::http::respond;
use crate::http::state::{Routes, ServerState};
use crate::invalid::Invalid;

/// The routes of the control API, and their paths with placeholders.
pub(crate) struct ControlApi {
    pub(crate) routes: Routes,
    pub(crate) paths: Vec<&'static str>,
}

/// The control API, behind the access guard.
pub(crate) fn control_api(state: Arc<ServerState>) -> ControlApi {
    let operations = operations::operations().into_iter();
    #[cfg(feature = "openapi")]
    let operations = operations.chain([openapi::operation()]);
    let mut by_path: BTreeMap<&'static str, (MethodRouter<_>, Vec<String>)> = BTreeMap::new();
    for operation in operations {
        let accepts = operation.signature.accepts;
        let only = middleware::from_fn_with_state(accepts, input::reject_unknown_input);
        let mut route = operation.route.route_layer(only);
        if operation.is_list {
            let turn = state.long_lists.clone();
            route = route.route_layer(middleware::from_fn_with_state(turn, lists::one_at_a_time));
        }
        let (routes, methods) = by_path.entry(operation.path).or_default();
        *routes = std::mem::take(routes).merge(route);
        methods.push(operation.method.name().to_uppercase());
    }
    let paths = by_path.keys().copied().collect();
    let mut all = Routes::new();
    for (path, (routes, methods)) in by_path {
        let methods = methods.join(" or ");
        let wrong_method = async move |request: Request| wrong_method(&request, &methods);
        all = all.route(path, routes.fallback(wrong_method));
    }
    let guard = middleware::from_fn_with_state(state, access_guard::require_access);
    ControlApi {
        routes: all.layer(guard),
        paths,
    }
}

fn wrong_method(request: &Request, methods: &str) -> Response {
    let message = format!(
        "{} does not support {}",
        request.uri().path(),
        request.method()
    );
    let error = Invalid::new("", message).with_hint(format!("use {methods}"));
    respond::invalid(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", &error)
}
