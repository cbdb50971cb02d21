//! `/`: the home page with base URL, endpoints, clients and users of the sandbox.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::uri::Authority;
use axum::response::Response;

use crate::http::context::RequestContext;
use crate::http::session;
use crate::http::state::ServerState;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::llms;
use crate::pages::view::Avatar;

/// The endpoints to configure in an app.
const ENDPOINTS: [(&str, &str); 6] = [
    ("Base URL", ""),
    ("Authorize", "/api/auth/oauth/authorize"),
    ("Token", "/api/auth/oauth/token"),
    ("Userinfo", "/api/auth/oauth/userinfo"),
    ("Revoke", "/api/auth/oauth/revoke"),
    ("Device", "/api/auth/oauth/device"),
];

/// The most clients and users that are listed.
const MAX_LISTED: usize = 20;

/// The most redirect URIs that are listed for a client.
const MAX_REDIRECT_URIS: usize = 5;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    layout: ConsoleLayout,
    endpoints: Vec<(&'static str, String)>,
    sandbox: String,
    contract: &'static str,
    signed_in: Option<String>,
    clients: Vec<Registered>,
    more_clients: usize,
    all_clients: String,
    users: Vec<Account>,
    more_users: usize,
    all_users: String,
    login: String,
    logout: String,
    contract_path: String,
    playground: String,
    requests: String,
    account: String,
    openapi: String,
    discovery: String,
    llms: String,
}

struct Registered {
    id: String,
    name: String,
    kind: &'static str,
    redirect_uris: Vec<String>,
    any_loopback: bool,
}

struct Account {
    id: i64,
    name: String,
    avatar: Avatar,
}

/// `GET /`.
pub(crate) async fn get(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    authority: Option<Extension<Authority>>,
) -> Response {
    let authority = authority.map(|Extension(authority)| authority.to_string());
    let layout = ConsoleLayout::public(&state, &context, authority, ConsolePage::Start);
    let home = home(&context, layout);
    console_page(StatusCode::OK, &home.layout, &home)
}

fn home(context: &RequestContext, layout: ConsoleLayout) -> Home {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let clients = sandbox.data().list_clients();
    let mut users = sandbox.data().list_users();
    users.retain(|user| !user.deleted);
    Home {
        layout,
        endpoints: ENDPOINTS
            .map(|(name, path)| (name, format!("{base}{path}")))
            .into(),
        sandbox: sandbox.name().to_owned(),
        contract: sandbox.settings().rules.contract.name(),
        signed_in: session::user(context).map(|user| user.display_name()),
        more_clients: clients.len().saturating_sub(MAX_LISTED),
        all_clients: base.path("/_mock/clients"),
        clients: clients
            .into_iter()
            .take(MAX_LISTED)
            .map(|client| Registered {
                kind: if client.confidential {
                    "confidential"
                } else {
                    "public"
                },
                id: client.id.to_string(),
                name: client.name,
                redirect_uris: client
                    .redirect_uris
                    .into_iter()
                    .take(MAX_REDIRECT_URIS)
                    .collect(),
                any_loopback: client.any_loopback_redirect,
            })
            .collect(),
        more_users: users.len().saturating_sub(MAX_LISTED),
        all_users: base.path("/_mock/users"),
        users: users
            .iter()
            .take(MAX_LISTED)
            .map(|user| Account {
                id: user.id.0,
                name: user.display_name(),
                avatar: Avatar::for_user(user),
            })
            .collect(),
        login: base.path("/login"),
        logout: base.path("/logout"),
        contract_path: base.path("/_mock/contract"),
        playground: base.path("/_mock/playground"),
        requests: base.path("/_mock"),
        account: base.path("/user/account"),
        openapi: base.path("/_mock/openapi.json"),
        discovery: base.path("/.well-known/openid-configuration"),
        llms: base.path(llms::PATH),
    }
}
