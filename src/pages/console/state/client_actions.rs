//! The actions of the page of clients: add, save, and replace the secret.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::client_form::{FIELDS, read};
use super::clients::{self, OpenForm};
use super::form::Form;
use super::shown_once;
use crate::control::ControlError;
use crate::http::context::RequestContext;
use crate::http::respond;
use crate::http::state::ServerState;
use crate::invalid::Invalid;
use crate::model::client::Client;
use crate::model::client_spec::ClientSpec;
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::{problem, status_line};
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;

/// Adds the client of the form. A confidential client without a secret of its own gets one, which is shown once.
pub(super) async fn add(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Response {
    let sandbox = &context.sandbox;
    let needs_secret = params
        .text("confidential")
        .is_some_and(|flag| !flag.is_empty())
        && params.text("secret").unwrap_or_default().trim().is_empty();
    let secret = needs_secret.then(|| sandbox.entropy.client_secret());
    let created = match read(params).text_if_any("id").read::<ClientSpec>() {
        Ok(spec) if spec.name.as_deref() == Some("") => Err(no_name()),
        Ok(mut spec) => {
            // The client is never stored without its secret.
            spec.secret = secret.clone().map(Some).or(spec.secret);
            sandbox.create_client(spec).await
        }
        Err(error) => Err(error.into()),
    };
    match (created, secret) {
        (Ok(client), Some(secret)) => {
            let done = format!("Client {} added", client.name);
            show_secret(context, client.id.as_str(), &secret, &done)
        }
        (created, _) => finish(state, context, params, None, "added", created),
    }
}

fn no_name() -> ControlError {
    let error = Invalid::new("name", "the name is empty");
    error.with_hint("users see it on the consent page").into()
}

/// Saves the changes of a client.
pub(super) async fn save(
    state: &Arc<ServerState>,
    context: &RequestContext,
    params: &Params,
) -> Response {
    let id = params.text("id").unwrap_or_default();
    let name = match context.sandbox.read_client(id) {
        Ok(client) => client.name,
        Err(_) => id.to_owned(),
    };
    let saved = match read(params).read::<ClientSpec>() {
        Ok(spec) if spec.name.as_deref() == Some("") => Err(no_name()),
        Ok(spec) => context.sandbox.update_client(id, spec).await,
        Err(error) => Err(error.into()),
    };
    let edited = Some((id.to_owned(), name));
    finish(state, context, params, edited, "saved", saved)
}

fn finish(
    state: &ServerState,
    context: &RequestContext,
    params: &Params,
    client: Option<(String, String)>,
    done: &str,
    outcome: Result<Client, ControlError>,
) -> Response {
    match outcome {
        Ok(client) => {
            let page = context.base.path(ConsolePage::Clients.path());
            status_line::redirect_with(&page, &format!("Client {} {done}", client.name))
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => {
            let fields = if client.is_some() {
                &FIELDS[1..]
            } else {
                FIELDS
            };
            let form = Form::failed(fields, params, error);
            let open = Some(OpenForm { client, form });
            clients::show(
                state,
                context,
                StatusCode::BAD_REQUEST,
                &Params::none(),
                open,
            )
        }
    }
}

/// Replaces the secret of a client, and shows the new one once.
pub(super) async fn rotate(context: &RequestContext, params: &Params) -> Response {
    let id = params.text("id").unwrap_or_default();
    match context.sandbox.rotate_secret(id).await {
        Ok(new) => {
            let done = "The old secret no longer works";
            show_secret(context, id, &new.client_secret, done)
        }
        Err(ControlError::Store(error)) => respond::failure(&error),
        Err(error) => {
            let back = context.base.path(ConsolePage::Clients.path());
            problem::page_with_back(context, StatusCode::BAD_REQUEST, &error, back)
        }
    }
}

fn show_secret(context: &RequestContext, id: &str, secret: &Secret, done: &str) -> Response {
    let values = [("id", id), ("secret", secret.reveal())];
    shown_once::redirect(context, ConsolePage::Clients.path(), done, &values)
}
