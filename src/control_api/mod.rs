//! The door for HTTP: `/_mock/…`, JSON in and out. The one table of control routes, from which the router and the
//! `OpenAPI` document are both made. Each row's handler is in `handlers.rs`.

mod handlers;
mod input;
mod lists;
mod openapi;
mod schemas;

use std::sync::Arc;

use axum::handler::Handler;
use axum::middleware;
use axum::routing::{MethodFilter, MethodRouter, on};
use utoipa::openapi::HttpMethod;

pub(crate) use lists::ListTurn;

use crate::control::AdviceFormat;
use crate::http::access_guard;
use crate::server::{App, Routes};

pub(crate) use openapi::document;

/// One control call.
pub(crate) struct Verb {
    pub(crate) method: HttpMethod,
    pub(crate) path: &'static str,
    pub(crate) summary: &'static str,
    /// The keys of the body, `name: kind` each, with `?` after those that may be left out; see `openapi.rs`.
    pub(crate) body: &'static [&'static str],
    /// What the body may be instead of an object, if anything: a kind.
    pub(crate) bare: Option<&'static str>,
    /// Those that may not be left out although the list, which is another call's too, says so.
    pub(crate) needed: &'static [&'static str],
    /// The parameters of the query, in the same form.
    pub(crate) query: &'static [&'static str],
    /// The status of success.
    pub(crate) status: &'static str,
    /// What success answers: a kind.
    pub(crate) answer: &'static str,
    /// A media type that success may come in besides JSON.
    pub(crate) other_form: Option<&'static str>,
    /// What 409 answers, where that is more than an error.
    pub(crate) conflict: Option<&'static str>,
    /// Whether it lists rows, of which there can be many.
    is_list: bool,
    route: MethodRouter<Arc<App>>,
}

fn verb<H, T>(method: HttpMethod, path: &'static str, summary: &'static str, handler: H) -> Verb
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    let filter = match method {
        HttpMethod::Post => MethodFilter::POST,
        HttpMethod::Patch => MethodFilter::PATCH,
        HttpMethod::Delete => MethodFilter::DELETE,
        _ => MethodFilter::GET,
    };
    let route = on(filter, handler);
    Verb {
        method,
        path,
        summary,
        body: &[],
        bare: None,
        needed: &[],
        query: &[],
        status: "200",
        answer: "Nothing",
        other_form: None,
        conflict: None,
        is_list: false,
        route,
    }
}

impl Verb {
    fn takes(self, body: &'static [&'static str]) -> Self {
        Self { body, ..self }
    }

    fn or(self, bare: &'static str) -> Self {
        Self {
            bare: Some(bare),
            ..self
        }
    }

    fn needs(self, needed: &'static [&'static str]) -> Self {
        Self { needed, ..self }
    }

    fn asks(self, query: &'static [&'static str]) -> Self {
        Self { query, ..self }
    }

    fn gives(self, answer: &'static str) -> Self {
        Self { answer, ..self }
    }

    fn or_comes_as(self, media_type: &'static str) -> Self {
        Self {
            other_form: Some(media_type),
            ..self
        }
    }

    fn or_conflicts(self, conflict: &'static str) -> Self {
        Self {
            conflict: Some(conflict),
            ..self
        }
    }

    fn lists(self) -> Self {
        Self {
            is_list: true,
            ..self
        }
    }

    fn creates(self) -> Self {
        Self {
            status: "201",
            ..self
        }
    }
}

const USER: &[&str] = &[
    "id?: integer",
    "username?: text",
    "email?: text",
    "email_verified?: boolean",
    "image?: text",
    "moderator?: boolean",
    "tier?: text",
    "roles?: texts",
    "subscriptions?: texts",
    "muted?: boolean",
    "banned?: boolean",
    "deleted?: boolean",
    "buzz?: object",
];

/// A client's keys, less those of one direction.
macro_rules! client {
    ($key:literal) => {
        &[
            "id?: text",
            "name?: text",
            "description?: text",
            "logo_url?: text",
            "confidential?: boolean",
            "redirect_uris?: texts",
            "any_loopback_redirect?: boolean",
            "allowed_origins?: texts",
            "grants?: texts",
            "allowed_scopes?: scope",
            "verified?: boolean",
            "access_mode?: text",
            "may_introspect?: boolean",
            "owner?: user",
            $key,
        ]
    };
}

/// What is sent of a client, and what is answered: a secret is never shown again.
const CLIENT: &[&str] = client!("secret?: text");
const CLIENT_SHOWN: &[&str] = client!("adopted?: boolean");

const SETTINGS: &[&str] = &[
    "contract?: text",
    "differences?: object",
    "scopes?: objects",
    "rate_limits?: boolean",
    "login?: user",
    "consent?: text",
    "access_token_seconds?: length",
    "refresh_token_seconds?: length",
    "code_seconds?: length",
    "unknown_clients?: text",
    "workflow_cost?: integer",
    "workflow_seconds?: length",
];

const FAULT: &[&str] = &[
    "endpoint?: endpoint",
    "client_id?: text",
    "grant_type?: grant_type",
    "user?: user",
    "nth?: integer",
    "after?: integer",
    "times?: integer",
    "probability?: number",
    "effect: Effect",
];

const FILTER: &[&str] = &[
    "endpoint?: endpoint",
    "path?: text",
    "method?: method",
    "grant_type?: grant_type",
    "client_id?: text",
    "user?: text",
    "status?: integer",
    "error?: text",
    "after?: integer",
    "before?: integer",
    "limit?: integer",
    "secrets?: boolean",
    "wait?: text",
    "count?: integer",
];

const ADVICE: &[&str] = &[
    "client_id?: text",
    "format?: advice_format",
    "location?: text",
];

const WHOSE: &[&str] = &["user?: text", "client_id?: text"];

/// Every control call.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn verbs() -> Vec<Verb> {
    use HttpMethod::{Delete, Get, Patch, Post};
    vec![
        verb(Post, "/_mock/reset", "Back to the seed and the start-up settings", handlers::reset),
        verb(Get, "/_mock/settings", "The settings of this sandbox", handlers::read_settings).gives("Settings"),
        verb(Patch, "/_mock/settings", "Change some settings", handlers::patch_settings).gives("Settings").takes(SETTINGS),
        verb(Get, "/_mock/clock", "What the time is here", handlers::read_clock).gives("Clock"),
        verb(Post, "/_mock/clock/advance", "Move the clock", handlers::advance_clock).gives("Clock").takes(&["by?: length", "seconds?: length"]).or("length"),
        verb(Post, "/_mock/clock/freeze", "Stop the clock", handlers::freeze_clock).gives("Clock").takes(&["at?: moment"]),
        verb(Post, "/_mock/clock/resume", "Let a stopped clock run on", handlers::resume_clock).gives("Clock"),
        verb(Post, "/_mock/clock/set", "Set the clock", handlers::set_clock).gives("Clock").takes(&["at: moment"]),
        verb(Get, "/_mock/snapshots", "The snapshots", handlers::list_snapshots).gives("Snapshots").lists(),
        verb(Get, "/_mock/snapshots/{name}", "One snapshot", handlers::read_snapshot).gives("Snapshot"),
        verb(Post, "/_mock/snapshots/{name}", "Take a snapshot", handlers::take_snapshot).gives("Snapshot").creates(),
        verb(Delete, "/_mock/snapshots/{name}", "Forget a snapshot", handlers::delete_snapshot),
        verb(Post, "/_mock/snapshots/{name}/restore", "Go back to a snapshot", handlers::restore_snapshot),
        verb(Get, "/_mock/users", "The users", handlers::list_users).gives("User[]").lists(),
        verb(Post, "/_mock/users", "A new user", handlers::create_user).gives("User").takes(USER).creates(),
        verb(Get, "/_mock/users/{id}", "One user, by id or username", handlers::read_user).gives("User"),
        verb(Patch, "/_mock/users/{id}", "Change a user", handlers::patch_user).gives("User").takes(USER),
        verb(Delete, "/_mock/users/{id}", "Remove a user and all that is theirs", handlers::delete_user),
        verb(Get, "/_mock/clients", "The clients", handlers::list_clients).gives("Client[]").lists(),
        verb(Post, "/_mock/clients", "A new client", handlers::create_client).gives("Client").takes(CLIENT).needs(&["name"]).creates(),
        verb(Get, "/_mock/clients/{id}", "One client", handlers::read_client).gives("Client"),
        verb(Patch, "/_mock/clients/{id}", "Change a client", handlers::patch_client).gives("Client").takes(CLIENT),
        verb(Delete, "/_mock/clients/{id}", "Remove a client, its tokens, codes, consents and spends", handlers::delete_client),
        verb(Post, "/_mock/clients/{id}/rotate-secret", "Give a client a new secret", handlers::rotate_secret).gives("NewSecret"),
        verb(Get, "/_mock/sessions", "Who is signed in", handlers::list_sessions).gives("Sessions").lists().asks(&["user?: text"]),
        verb(Delete, "/_mock/sessions", "Sign a user out everywhere, or everybody", handlers::delete_sessions).gives("Deleted").takes(&["user?: user"]).asks(&["user?: text"]),
        verb(Post, "/_mock/sessions", "Sign a user in; answers with the cookie", handlers::create_session).gives("SignedIn").takes(&["user: user"]).creates(),
        verb(Post, "/_mock/codes", "Issue an authorization code without a browser; the client's redirect URIs and scope ceiling are not checked", handlers::issue_code).gives("IssuedCode")
            .takes(&["client_id: text", "user: user", "scope?: scope", "redirect_uri?: text", "code_challenge?: text", "nonce?: text", "state?: text"]).creates(),
        verb(Get, "/_mock/codes", "The authorization codes that wait to be exchanged, newest first", handlers::list_codes).gives("Codes").lists().asks(WHOSE),
        verb(Get, "/_mock/tokens", "The tokens, newest first", handlers::list_tokens).gives("TokenList").lists().asks(WHOSE),
        verb(Post, "/_mock/tokens", "Mint tokens; answers like /token; the client's scope ceiling is not checked", handlers::mint_tokens).gives("Tokens")
            .takes(&["client_id: text", "user: user", "scope?: scope", "expires_in?: length", "exact_scope?: boolean"]),
        verb(Delete, "/_mock/tokens", "Revoke a token, or remove many", handlers::revoke_tokens).gives("Deleted").takes(&["token?: text", "user?: user", "client_id?: text"]).asks(&["token?: text", "user?: text", "client_id?: text"]),
        verb(Post, "/_mock/tokens/introspect", "What a token stands for", handlers::introspect).gives("Introspection").takes(&["token: text"]),
        verb(Post, "/_mock/tokens/expire", "Let a token run out now, or every access token", handlers::expire_tokens).gives("Expired").takes(&["token?: text"]),
        verb(Post, "/_mock/device/approve", "Approve a device as a user", handlers::approve_device).takes(&["user_code: text", "user: user"]),
        verb(Post, "/_mock/device/deny", "Deny a device", handlers::deny_device).takes(&["user_code: text"]),
        verb(Get, "/_mock/consents", "What users have agreed to", handlers::list_consents).gives("Consents").lists().asks(WHOSE),
        verb(Post, "/_mock/consents", "Remember a consent", handlers::put_consent).gives("Consent").takes(&["user: user", "client_id: text", "scope: scope", "buzz_limit?: any"]),
        verb(Delete, "/_mock/consents", "Forget consents", handlers::delete_consents).gives("Deleted").takes(&["user?: user", "client_id?: text"]).asks(WHOSE),
        verb(Get, "/_mock/spends", "What apps have spent of users' buzz, and how their budgets stand", handlers::list_spends).gives("Spends").lists().asks(WHOSE),
        verb(Delete, "/_mock/spends", "Forget spends; what is spent stays so", handlers::delete_spends).gives("Deleted").takes(&["user?: user", "client_id?: text"]).asks(WHOSE),
        verb(Post, "/_mock/spends/reset", "Start a client's absolute budgets anew, as its user can", handlers::reset_budgets).gives("Reset").takes(&["user: user", "client_id: text"]),
        verb(Get, "/_mock/faults", "The faults that are set", handlers::list_faults).gives("Faults").lists(),
        verb(Post, "/_mock/faults", "Set a fault", handlers::create_fault).gives("SetFault").takes(FAULT).creates(),
        verb(Delete, "/_mock/faults", "Remove every fault", handlers::clear_faults),
        verb(Get, "/_mock/faults/{id}", "One fault", handlers::read_fault).gives("SetFault"),
        verb(Delete, "/_mock/faults/{id}", "Remove a fault", handlers::delete_fault),
        verb(Post, "/_mock/faults/presets/{name}", "Set a fault by its name", handlers::create_preset).gives("PresetSet").takes(&["times?: integer", "client_id?: text"]).creates(),
        verb(Get, "/_mock/requests", "The journal: what the app has sent and was answered", handlers::list_requests).gives("Exchanges").asks(FILTER),
        verb(Delete, "/_mock/requests", "Forget the journal", handlers::clear_requests),
        verb(Post, "/_mock/verify", "Check the journal against expectations; 409 says what differs", handlers::verify).gives("Verified")
            .takes(&["expectations: Expectation[]", "in_order?: boolean"]).or("Expectation[]").or_conflicts("Mismatch"),
        verb(Get, "/_mock/advice", "What production would punish of what the apps have done", handlers::read_advice).gives("Advice").or_comes_as(AdviceFormat::Sarif.media_type()).asks(ADVICE),
        verb(Get, "/_mock/sandboxes", "The sandboxes", handlers::list_sandboxes).gives("Sandboxes").lists(),
        verb(Post, "/_mock/sandboxes", "A new sandbox, with a seed and settings of its own", handlers::create_sandbox).gives("MadeSandbox")
            .takes(&["name?: text", "seed?: seed", "settings?: SettingsPatch"]).creates(),
        verb(Get, "/_mock/sandboxes/{name}", "One sandbox", handlers::read_sandbox).gives("Sandbox"),
        verb(Delete, "/_mock/sandboxes/{name}", "Remove a sandbox and all that is in it", handlers::delete_sandbox),
        verb(Get, "/_mock/contract", "The contract in force, difference by difference", handlers::read_contract).gives("Contract"),
        verb(Get, "/_mock/openapi.json", "This document", handlers::read_openapi).gives("object"),
    ]
}

/// What a call reads, of what it may be given. Neither is read by half: the types of `handlers.rs` know their keys.
#[derive(Debug, Clone, Copy)]
struct Takes {
    query: &'static [&'static str],
    body: &'static [&'static str],
}

impl Takes {
    fn of(verb: &Verb) -> Self {
        Self {
            query: verb.query,
            body: verb.body,
        }
    }
}

/// The control routes, behind their guard.
pub(crate) fn routes(app: Arc<App>) -> Routes {
    verbs()
        .into_iter()
        .fold(Routes::new(), |all, verb| {
            let takes = Takes::of(&verb);
            let only = middleware::from_fn_with_state(takes, input::only_what_is_taken);
            let mut route = verb.route.route_layer(only);
            if verb.is_list {
                let turns = (app.list_turn.clone(), app.long_turn.clone());
                route =
                    route.route_layer(middleware::from_fn_with_state(turns, lists::one_at_a_time));
            }
            all.route(verb.path, route)
        })
        .method_not_allowed_fallback(handlers::wrong_method)
        .layer(middleware::from_fn_with_state(app, access_guard::admit))
}
