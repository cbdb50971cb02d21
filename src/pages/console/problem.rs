//! The page of an action that failed.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{ConsoleLayout, console_page};
use super::navigation::ConsolePage;
use super::theme::Theme;
use crate::control::ControlError;
use crate::http::context::RequestContext;
use crate::invalid::Invalid;

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
        problem: sentence(error),
    };
    console_page(status, &shown.layout, &shown)
}

/// The error message.
pub(crate) fn sentence(error: &ControlError) -> String {
    match error {
        ControlError::Invalid(error)
        | ControlError::NotFound(error)
        | ControlError::Conflict(error)
        | ControlError::Busy(error) => Invalid::to_string(error),
        ControlError::Mismatch { differences, .. } => differences.join("; "),
        ControlError::Store(error) => error.to_string(),
    }
}
