//! `GET /_mock/clients`: the clients of every owner, and a form for a new client or the changes of one.

use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::choices::{self, Choice, ListPage, user_name};
use super::client_form::{self, GRANTS};
use super::form::Form;
use super::shown_once;
use super::token_row::scope_name;
use crate::http::context::RequestContext;
use crate::http::state::ServerState;
use crate::model::client::{AccessMode, Client};
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::problem;
use crate::protocol::grant_type::GrantType;
use crate::protocol::params::Params;
use crate::protocol::scope::PRESETS;
use crate::protocol::secret::Secret;
use crate::sandbox::Sandbox;

/// The most redirect URIs of a row.
const MAX_URIS: usize = 3;

#[derive(Template)]
#[template(path = "clients.html")]
struct ClientsPage {
    layout: ConsoleLayout,
    here: String,
    account: String,
    clients: ListPage<ClientRow>,
    form: Option<OpenForm>,
    /// Name, id and secret of a client that has a new secret.
    new_secret: Option<(String, String, String)>,
    users: Vec<Choice>,
    scopes: Vec<Choice>,
    grants: [(&'static str, &'static str); 4],
    modes: Vec<Choice>,
}

/// The form above the list.
pub(super) struct OpenForm {
    /// The client whose changes it has: the id, and the name. None for a new client.
    pub(super) client: Option<(String, String)>,
    pub(super) form: Form,
}

struct ClientRow {
    id: String,
    /// The beginning and the end of a long id.
    short_id: String,
    query_id: String,
    name: String,
    owner: String,
    confidential: bool,
    /// Kind of tag and text.
    tags: Vec<(&'static str, &'static str)>,
    redirect_uris: Vec<String>,
    more_uris: usize,
    any_loopback: bool,
    grants: Vec<&'static str>,
    scope: String,
}

/// `GET /_mock/clients`. With `add` or `edit={id}`, the form is open.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Response {
    let query = Params::from_urlencoded(query.unwrap_or_default().as_bytes());
    let form = if let Some(id) = query.text("edit") {
        match context.sandbox.read_client(id) {
            Ok(client) => Some(OpenForm {
                form: client_form::for_client(&client, &context.sandbox),
                client: Some((client.id.to_string(), client.name)),
            }),
            Err(error) => return problem::page(&context, StatusCode::NOT_FOUND, &error),
        }
    } else {
        query.text("add").map(|_| OpenForm {
            client: None,
            form: client_form::empty(),
        })
    };
    show(&state, &context, StatusCode::OK, &query, form)
}

pub(super) fn show(
    state: &ServerState,
    context: &RequestContext,
    status: StatusCode,
    query: &Params,
    form: Option<OpenForm>,
) -> Response {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let clients = ListPage::new(sandbox.list_clients(), query);
    let carried = shown_once::read(&context.headers);
    let modes = [
        (AccessMode::Open, "open", "All users"),
        (AccessMode::Testers, "testers", "Users with the role tester"),
        (AccessMode::Disabled, "disabled", "No user"),
    ];
    let shown = ClientsPage {
        layout: ConsoleLayout::new(state, context, ConsolePage::Clients),
        here: base.path(ConsolePage::Clients.path()),
        account: base.path("/user/account"),
        clients: clients.map(|client| row(client, sandbox)),
        form,
        new_secret: carried
            .as_ref()
            .and_then(|values| new_secret(sandbox, values)),
        users: choices::users(sandbox),
        scopes: Choice::of_words(PRESETS.iter().map(|(name, _)| *name)),
        grants: GRANTS,
        modes: modes
            .into_iter()
            .map(|(_, value, label)| Choice::new(value, label))
            .collect(),
    };
    let response = console_page(status, &shown.layout, &shown);
    match carried {
        Some(_) => shown_once::forget(context, ConsolePage::Clients.path(), response),
        None => response,
    }
}

/// The secret to show once, if it is still the client's.
fn new_secret(sandbox: &Sandbox, values: &Params) -> Option<(String, String, String)> {
    let (id, secret) = (values.text("id")?, values.text("secret")?);
    let client = sandbox.data().find_client(id)?;
    client
        .owns_secret(Some(&Secret::new(secret)))
        .then(|| (client.name.clone(), id.to_owned(), secret.to_owned()))
}

/// `dec0de00…0001`.
fn short(id: &str) -> String {
    let letters: Vec<char> = id.chars().collect();
    if letters.len() <= 24 {
        return id.to_owned();
    }
    let start = letters.iter().take(8).collect::<String>();
    let end: String = letters.iter().skip(letters.len() - 4).collect();
    format!("{start}…{end}")
}

fn row(client: Client, sandbox: &Sandbox) -> ClientRow {
    let mut tags = Vec::new();
    for (is_set, kind, text) in [
        (client.verified, "ok", "verified"),
        (
            client.access_mode == AccessMode::Testers,
            "warn",
            "testers only",
        ),
        (
            client.access_mode == AccessMode::Disabled,
            "refused",
            "disabled",
        ),
        (client.may_introspect, "plain", "introspection"),
        (client.auto_registered, "accent", "registered automatically"),
    ] {
        if is_set {
            tags.push((kind, text));
        }
    }
    let grants = GRANTS.iter().filter(|(grant, _)| {
        let mut granted = client.grants.iter();
        granted.any(|known: &GrantType| known.name() == *grant)
    });
    let id = client.id.to_string();
    let query_id = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
    ClientRow {
        short_id: short(&id),
        query_id,
        id,
        owner: user_name(sandbox, client.owner.0),
        confidential: client.confidential,
        tags,
        more_uris: client.redirect_uris.len().saturating_sub(MAX_URIS),
        redirect_uris: client.redirect_uris.into_iter().take(MAX_URIS).collect(),
        any_loopback: client.any_loopback_redirect,
        grants: grants.map(|(_, label)| *label).collect(),
        scope: scope_name(client.allowed_scopes),
        name: client.name,
    }
}
