//! `GET /_mock/styleguide`: every component of the console in each state, dark and light. No page links to it.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{ConsoleLayout, console_page};
use super::navigation::ConsolePage;
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use crate::pages::assets;

#[derive(Template)]
#[template(path = "styleguide.html")]
struct StyleGuide {
    layout: ConsoleLayout,
}

/// `GET /_mock/styleguide`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
) -> Response {
    let mut layout = ConsoleLayout::new(&state, &context, ConsolePage::Other);
    layout.extra_style = Some(context.base.path(&assets::STYLEGUIDE_STYLE.path()));
    let shown = StyleGuide { layout };
    console_page(StatusCode::OK, &shown.layout, &shown)
}
