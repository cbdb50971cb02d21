//! `/llms.txt`: a short description of this server for coding agents, in the form of <https://llmstxt.org>.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};

use crate::http::context::RequestHead;
use crate::http::state::ServerState;
use crate::pages::view::not_rendered;

/// The path of the description.
pub(crate) const PATH: &str = "/llms.txt";

#[derive(Template)]
#[template(path = "llms.txt")]
struct Llms<'a> {
    /// The URL of the sandbox.
    base: String,
    /// The URL of the server.
    root: &'a str,
    has_mcp: bool,
    needs_control_token: bool,
}

/// `GET /llms.txt`. It creates no sandbox.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    RequestHead { base, .. }: RequestHead,
) -> Response {
    let text = Llms {
        base: base.to_string(),
        root: base.origin(),
        has_mcp: cfg!(feature = "mcp"),
        needs_control_token: state.control_token.is_some(),
    };
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    match text.render() {
        Ok(text) => (headers, text).into_response(),
        Err(error) => not_rendered(&error),
    }
}
