//! The actions of the form of a user.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::choices::user_of_id;
use super::form::Form;
use super::user_form::{FIELDS, read, with_balances};
use super::users::{self, OpenForm};
use crate::control::ControlError;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::model::user::User;
use crate::model::user_spec::UserSpec;
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::status_line;
use crate::protocol::params::Params;

/// Adds the user of the form.
pub(super) async fn add(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Response {
    let created = match read(params).text_if_any("id").read::<UserSpec>() {
        Ok(spec) => context.sandbox.create_user(spec).await,
        Err(error) => Err(error.into()),
    };
    finish(state, context, params, None, "added", created)
}

/// Saves the changes of a user.
pub(super) async fn save(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Response {
    let named = user_of_id(params.text("id").unwrap_or_default());
    let name = match context.sandbox.read_user(&named) {
        Ok(user) => user.display_name(),
        Err(_) => named.to_string(),
    };
    let saved = match read(params).read::<UserSpec>() {
        Ok(spec) => {
            let changes = |before: &User| with_balances(spec, params, before.buzz);
            context.sandbox.update_user_with(&named, changes).await
        }
        Err(error) => Err(error.into()),
    };
    let edited = Some((named.to_string(), name));
    finish(state, context, params, edited, "saved", saved)
}

fn finish(
    state: &ServerState,
    context: &RequestContext,
    params: &Params,
    user: Option<(String, String)>,
    done: &str,
    outcome: Result<User, ControlError>,
) -> Response {
    match outcome {
        Ok(user) => {
            let page = context.base.path(ConsolePage::Users.path());
            status_line::redirect_with(&page, &format!("User {} {done}", user.display_name()))
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => {
            let fields = if user.is_some() { &FIELDS[1..] } else { FIELDS };
            let form = Form::failed(fields, params, error);
            let open = Some(OpenForm { user, form });
            users::show(
                state,
                context,
                StatusCode::BAD_REQUEST,
                &Params::none(),
                open,
            )
        }
    }
}
