//! Common parts of workflows and blobs: the scopes that they require, and error responses.

use std::sync::Arc;

use axum::response::Response;

use super::caller::{self, App};
use super::respond::{self, Problem};
use crate::http::context::Context;
use crate::model::user::User;
use crate::protocol::scope::Scope;

pub(super) fn answered(context: &Context, answer: Result<Response, Problem>) -> Response {
    answer.unwrap_or_else(|why| respond::problem(why, context.rules()))
}

/// Scopes, of which one is required, and their names.
pub(super) struct Needed(&'static [Scope], &'static str);

/// Required to submit and change workflows, and to upload.
pub(super) const WRITING: Needed = Needed(&[Scope::AI_SERVICES_WRITE], "AIServicesWrite");

/// Accepting either scope is our choice.
pub(super) const READING: Needed = Needed(
    &[Scope::AI_SERVICES_READ, Scope::AI_SERVICES_WRITE],
    "AIServicesRead or AIServicesWrite",
);

/// Authenticates a caller who has one of these scopes.
pub(super) fn admit(
    context: &Context,
    Needed(scopes, names): &Needed,
) -> Result<(Arc<User>, App), Problem> {
    let found = caller::by_bearer(context);
    let (user, app) = found.ok_or(Problem::Unauthorized)?;
    if scopes.iter().any(|scope| app.scope.covers(*scope)) {
        Ok((user, app))
    } else {
        Err(Problem::TooLittleScope(names))
    }
}
