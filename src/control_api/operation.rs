//! One operation of the control API: its route, and its description in the `OpenAPI` document.

use std::sync::Arc;

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::openapi::HttpMethod;

use crate::http::state::AppState;

/// One operation of the control API.
pub(crate) struct Operation {
    pub(crate) method: HttpMethod,
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    /// The keys of the body, `name: kind` each, with `?` after an optional name; see `openapi.rs`.
    pub(crate) body: &'static [&'static str],
    /// The kind that the body may have instead of an object.
    pub(crate) bare_body: Option<&'static str>,
    /// Keys that this operation requires although `body`, which it shares with others, has them as optional.
    pub(crate) required: &'static [&'static str],
    /// The query parameters, in the same form.
    pub(crate) query: &'static [&'static str],
    /// The status of success.
    pub(crate) status: &'static str,
    /// The kind of the response.
    pub(crate) returns: &'static str,
    /// A media type of the response beside JSON.
    pub(crate) also_as: Option<&'static str>,
    /// The kind of a 409 response, if it has more than an error.
    pub(crate) conflict: Option<&'static str>,
    /// Whether it lists rows: such responses can be long, and are sent one at a time.
    pub(crate) is_list: bool,
    pub(crate) route: MethodRouter<Arc<AppState>>,
}

impl Operation {
    pub(crate) fn new<H, T>(
        method: HttpMethod,
        path: &'static str,
        summary: &'static str,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Arc<AppState>>,
        T: 'static,
    {
        let filter = match method {
            HttpMethod::Post => MethodFilter::POST,
            HttpMethod::Patch => MethodFilter::PATCH,
            HttpMethod::Delete => MethodFilter::DELETE,
            _ => MethodFilter::GET,
        };
        let route = on(filter, handler);
        Self {
            method,
            path,
            summary,
            body: &[],
            bare_body: None,
            required: &[],
            query: &[],
            status: "200",
            returns: "Nothing",
            also_as: None,
            conflict: None,
            is_list: false,
            route,
        }
    }

    pub(crate) fn body(self, body: &'static [&'static str]) -> Self {
        Self { body, ..self }
    }

    pub(crate) fn bare_body(self, bare_body: &'static str) -> Self {
        Self {
            bare_body: Some(bare_body),
            ..self
        }
    }

    pub(crate) fn required(self, required: &'static [&'static str]) -> Self {
        Self { required, ..self }
    }

    pub(crate) fn query(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    pub(crate) fn returns(self, returns: &'static str) -> Self {
        Self { returns, ..self }
    }

    pub(crate) fn also_as(self, media_type: &'static str) -> Self {
        Self {
            also_as: Some(media_type),
            ..self
        }
    }

    pub(crate) fn conflict(self, conflict: &'static str) -> Self {
        Self {
            conflict: Some(conflict),
            ..self
        }
    }

    pub(crate) fn list(self) -> Self {
        Self {
            is_list: true,
            ..self
        }
    }

    pub(crate) fn created(self) -> Self {
        Self {
            status: "201",
            ..self
        }
    }
}
