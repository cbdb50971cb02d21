//! The page of an action that failed.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{ConsoleLayout, console_page};
use super::navigation::ConsolePage;
use super::theme::Theme;
use crate::control::ControlError;
use crate::http::context::RequestContext;

#[derive(Template)]
#[template(path = "console_problem.html")]
struct Problem {
    layout: ConsoleLayout,
    problem: String,
}

/// The page, from which the user returns to the requests.
pub(crate) fn page(context: &RequestContext, status: StatusCode, error: &ControlError) -> Response {
    let back = context.base.path(ConsolePage::Requests.path());
    page_with_back(context, status, error, back)
}

/// The page, from which the user returns to another page.
pub(crate) fn page_with_back(
    context: &RequestContext,
    status: StatusCode,
    error: &ControlError,
    back: String,
) -> Response {
    let theme = Theme::from_headers(&context.headers);
    let shown = Problem {
        layout: ConsoleLayout::bare(&context.base, theme, ConsolePage::Other).returning_to(back),
        problem: error.to_string(),
    };
    console_page(status, &shown.layout, &shown)
}
