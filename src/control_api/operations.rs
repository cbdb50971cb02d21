//! The table of the control API: every operation with its route and handler.

use utoipa::openapi::HttpMethod;

use super::handlers;
use super::openapi;
use super::operation::Operation;
use super::response::{Answer, ok};
use super::schemas::{ADVICE, CLIENT, FAULT, FILTER, SETTINGS, USER, WHOSE};
use crate::control::AdviceFormat;
use crate::http::context::Context;

/// Every operation of the control API.
#[rustfmt::skip]
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn operations() -> Vec<Operation> {
    use HttpMethod::{Delete, Get, Patch, Post};
    vec![
        Operation::new(Post, "/_mock/reset", "Back to the seed and the start-up settings", handlers::reset),
        Operation::new(Get, "/_mock/settings", "The settings of this sandbox", handlers::read_settings).returns("Settings"),
        Operation::new(Patch, "/_mock/settings", "Change some settings", handlers::patch_settings).returns("Settings").body(SETTINGS),
        Operation::new(Get, "/_mock/clock", "What the time is here", handlers::read_clock).returns("Clock"),
        Operation::new(Post, "/_mock/clock/advance", "Move the clock", handlers::advance_clock).returns("Clock").body(&["by?: length", "seconds?: length"]).bare_body("length"),
        Operation::new(Post, "/_mock/clock/freeze", "Stop the clock", handlers::freeze_clock).returns("Clock").body(&["at?: moment"]),
        Operation::new(Post, "/_mock/clock/resume", "Let a stopped clock run on", handlers::resume_clock).returns("Clock"),
        Operation::new(Post, "/_mock/clock/set", "Set the clock", handlers::set_clock).returns("Clock").body(&["at: moment"]),
        Operation::new(Get, "/_mock/snapshots", "The snapshots", handlers::list_snapshots).returns("Snapshots").list(),
        Operation::new(Get, "/_mock/snapshots/{name}", "One snapshot", handlers::read_snapshot).returns("Snapshot"),
        Operation::new(Post, "/_mock/snapshots/{name}", "Take a snapshot", handlers::take_snapshot).returns("Snapshot").created(),
        Operation::new(Delete, "/_mock/snapshots/{name}", "Forget a snapshot", handlers::delete_snapshot),
        Operation::new(Post, "/_mock/snapshots/{name}/restore", "Go back to a snapshot", handlers::restore_snapshot),
        Operation::new(Get, "/_mock/users", "The users", handlers::list_users).returns("User[]").list(),
        Operation::new(Post, "/_mock/users", "A new user", handlers::create_user).returns("User").body(USER).created(),
        Operation::new(Get, "/_mock/users/{id}", "One user, by id or username", handlers::read_user).returns("User"),
        Operation::new(Patch, "/_mock/users/{id}", "Change a user", handlers::patch_user).returns("User").body(USER),
        Operation::new(Delete, "/_mock/users/{id}", "Remove a user and all that is theirs", handlers::delete_user),
        Operation::new(Get, "/_mock/clients", "The clients", handlers::list_clients).returns("Client[]").list(),
        Operation::new(Post, "/_mock/clients", "A new client", handlers::create_client).returns("Client").body(CLIENT).required(&["name"]).created(),
        Operation::new(Get, "/_mock/clients/{id}", "One client", handlers::read_client).returns("Client"),
        Operation::new(Patch, "/_mock/clients/{id}", "Change a client", handlers::patch_client).returns("Client").body(CLIENT),
        Operation::new(Delete, "/_mock/clients/{id}", "Remove a client, its tokens, codes, consents and spends", handlers::delete_client),
        Operation::new(Post, "/_mock/clients/{id}/rotate-secret", "Give a client a new secret", handlers::rotate_secret).returns("NewSecret"),
        Operation::new(Get, "/_mock/sessions", "Who is signed in", handlers::list_sessions).returns("Sessions").list().query(&["user?: text"]),
        Operation::new(Delete, "/_mock/sessions", "Sign a user out everywhere, or everybody", handlers::delete_sessions).returns("Deleted").body(&["user?: user"]).query(&["user?: text"]),
        Operation::new(Post, "/_mock/sessions", "Sign a user in; answers with the cookie", handlers::create_session).returns("SignedIn").body(&["user: user"]).created(),
        Operation::new(Post, "/_mock/codes", "Issue an authorization code without a browser; the client's redirect URIs and scope ceiling are not checked", handlers::issue_code).returns("IssuedCode")
            .body(&["client_id: text", "user: user", "scope?: scope", "redirect_uri?: text", "code_challenge?: text", "nonce?: text", "state?: text"]).created(),
        Operation::new(Get, "/_mock/codes", "The authorization codes that wait to be exchanged, newest first", handlers::list_codes).returns("Codes").list().query(WHOSE),
        Operation::new(Get, "/_mock/tokens", "The tokens, newest first", handlers::list_tokens).returns("TokenList").list().query(WHOSE),
        Operation::new(Post, "/_mock/tokens", "Mint tokens; answers like /token; the client's scope ceiling is not checked", handlers::mint_tokens).returns("Tokens")
            .body(&["client_id: text", "user: user", "scope?: scope", "expires_in?: length", "exact_scope?: boolean"]),
        Operation::new(Delete, "/_mock/tokens", "Revoke a token, or remove many", handlers::revoke_tokens).returns("Deleted").body(&["token?: text", "user?: user", "client_id?: text"]).query(&["token?: text", "user?: text", "client_id?: text"]),
        Operation::new(Post, "/_mock/tokens/introspect", "What a token stands for", handlers::introspect).returns("Introspection").body(&["token: text"]),
        Operation::new(Post, "/_mock/tokens/expire", "Let a token run out now, or every access token", handlers::expire_tokens).returns("Expired").body(&["token?: text"]),
        Operation::new(Post, "/_mock/device/approve", "Approve a device as a user", handlers::approve_device).body(&["user_code: text", "user: user"]),
        Operation::new(Post, "/_mock/device/deny", "Deny a device", handlers::deny_device).body(&["user_code: text"]),
        Operation::new(Get, "/_mock/consents", "What users have agreed to", handlers::list_consents).returns("Consents").list().query(WHOSE),
        Operation::new(Post, "/_mock/consents", "Remember a consent", handlers::put_consent).returns("Consent").body(&["user: user", "client_id: text", "scope: scope", "buzz_limit?: any"]),
        Operation::new(Delete, "/_mock/consents", "Forget consents", handlers::delete_consents).returns("Deleted").body(&["user?: user", "client_id?: text"]).query(WHOSE),
        Operation::new(Get, "/_mock/spends", "What apps have spent of users' buzz, and how their budgets stand", handlers::list_spends).returns("Spends").list().query(WHOSE),
        Operation::new(Delete, "/_mock/spends", "Forget spends; what is spent stays so", handlers::delete_spends).returns("Deleted").body(&["user?: user", "client_id?: text"]).query(WHOSE),
        Operation::new(Post, "/_mock/spends/reset", "Start a client's absolute budgets anew, as its user can", handlers::reset_budgets).returns("Reset").body(&["user: user", "client_id: text"]),
        Operation::new(Get, "/_mock/faults", "The faults that are set", handlers::list_faults).returns("Faults").list(),
        Operation::new(Post, "/_mock/faults", "Set a fault", handlers::create_fault).returns("SetFault").body(FAULT).created(),
        Operation::new(Delete, "/_mock/faults", "Remove every fault", handlers::clear_faults),
        Operation::new(Get, "/_mock/faults/{id}", "One fault", handlers::read_fault).returns("SetFault"),
        Operation::new(Delete, "/_mock/faults/{id}", "Remove a fault", handlers::delete_fault),
        Operation::new(Post, "/_mock/faults/presets/{name}", "Set a fault by its name", handlers::create_preset).returns("PresetSet").body(&["times?: integer", "client_id?: text"]).created(),
        Operation::new(Get, "/_mock/requests", "The journal: what the app has sent and was answered", handlers::list_requests).returns("Exchanges").query(FILTER),
        Operation::new(Delete, "/_mock/requests", "Forget the journal", handlers::clear_requests),
        Operation::new(Post, "/_mock/verify", "Check the journal against expectations; 409 says what differs", handlers::verify).returns("Verified")
            .body(&["expectations: Expectation[]", "in_order?: boolean"]).bare_body("Expectation[]").conflict("Mismatch"),
        Operation::new(Get, "/_mock/advice", "What production would punish of what the apps have done", handlers::read_advice).returns("Advice").also_as(AdviceFormat::Sarif.media_type()).query(ADVICE),
        Operation::new(Get, "/_mock/sandboxes", "The sandboxes", handlers::list_sandboxes).returns("Sandboxes").list(),
        Operation::new(Post, "/_mock/sandboxes", "A new sandbox, with a seed and settings of its own", handlers::create_sandbox).returns("MadeSandbox")
            .body(&["name?: text", "seed?: seed", "settings?: SettingsPatch"]).created(),
        Operation::new(Get, "/_mock/sandboxes/{name}", "One sandbox", handlers::read_sandbox).returns("Sandbox"),
        Operation::new(Delete, "/_mock/sandboxes/{name}", "Remove a sandbox and all that is in it", handlers::delete_sandbox),
        Operation::new(Get, "/_mock/contract", "The contract in force, difference by difference", handlers::read_contract).returns("Contract"),
        Operation::new(Get, "/_mock/openapi.json", "This document", read_openapi).returns("object"),
    ]
}

/// `GET /_mock/openapi.json`, beside the table that it describes.
async fn read_openapi(context: Context) -> Answer {
    Ok(ok(&openapi::document(
        &operations(),
        &context.base.to_string(),
    )))
}
