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
use crate::model::client::Client;
use crate::model::user::User;
use crate::pages::console::demo::demo_client;
use crate::pages::console::first_sign_in::Checklist;
use crate::pages::console::layout::{ConsoleLayout, console_page};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::llms;
use crate::pages::view::Avatar;

/// The endpoints to configure in an app.
const ENDPOINTS: [(&str, &str); 8] = [
    ("Discovery", "/.well-known/openid-configuration"),
    ("Authorize", "/api/auth/oauth/authorize"),
    ("Token", "/api/auth/oauth/token"),
    ("Userinfo", "/api/auth/oauth/userinfo"),
    ("Revoke", "/api/auth/oauth/revoke"),
    ("Device", "/api/auth/oauth/device"),
    ("Device token", "/api/auth/oauth/device-token"),
    ("Key set", "/.well-known/jwks.json"),
];

/// The most clients and users that are listed.
const MAX_LISTED: usize = 10;

/// The most redirect URIs that are listed for a client.
const MAX_REDIRECT_URIS: usize = 5;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    layout: ConsoleLayout,
    setup: Setup,
    /// None without access to the control API.
    checklist: Option<Checklist>,
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
    /// The target of the buttons that sign a user in.
    sign_in: String,
    findings: String,
    logout: String,
    contract_path: String,
    playground: String,
    requests: String,
    account: String,
    openapi: String,
    discovery: String,
    llms: String,
}

/// The values of the set-up of an app.
struct Setup {
    base: String,
    client_id: String,
    client_secret: String,
    user: String,
    /// Where the secret comes from.
    note: Option<String>,
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
    buzz: String,
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

#[expect(clippy::too_many_lines, reason = "one line for each field")]
fn home(context: &RequestContext, layout: ConsoleLayout) -> Home {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let clients = sandbox.data().list_clients();
    let mut users = sandbox.data().list_users();
    users.retain(|user| !user.deleted);
    let checklist = layout.bar.as_ref().map(|_| Checklist::new(sandbox, base));
    let setup = setup(context, &clients, users.first());
    Home {
        layout,
        setup,
        checklist,
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
                buzz: grouped(user.buzz.yellow + user.buzz.blue + user.buzz.green),
                avatar: Avatar::for_user(user),
            })
            .collect(),
        login: base.path("/login"),
        sign_in: base.path("/login"),
        findings: base.path(ConsolePage::Findings.path()),
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

/// The set-up with the demo client, or with the first client whose secret the user knows.
fn setup(context: &RequestContext, clients: &[Client], user: Option<&User>) -> Setup {
    let base = context.base.to_string();
    let user = user.map(User::display_name).unwrap_or_default();
    if let Some((client, secret)) = demo_client(context) {
        return Setup {
            base,
            client_id: client.id.to_string(),
            client_secret: secret.reveal().to_owned(),
            user,
            note: None,
        };
    }
    let client = clients.iter().find(|client| client.confidential);
    let client = client.or(clients.first());
    let name = client.map_or("your app", |client| client.name.as_str());
    Setup {
        base,
        client_id: client.map_or_else(|| "…".to_owned(), |client| client.id.to_string()),
        client_secret: "…".to_owned(),
        user,
        note: Some(format!(
            "The server stores only a hash of the secret of {name}. If you lost it, create a new one on the account page."
        )),
    }
}

/// A number with a comma before each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let length = digits.len();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (length - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
