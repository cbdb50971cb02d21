//! The front door: a real listening server, and what it answers. One file per subject; what they share is
//! `support/`.

#![expect(
    clippy::format_push_string,
    reason = "a table of answers grows line by line, and is written to be read"
)]

mod support;

mod account_page;
mod api_cors;
mod architecture;
mod authorize_checks;
mod authorize_redirect_uri;
mod authorize_redirects;
mod authorize_scope;
mod authorize_transport;
mod bad_input;
mod browser;
mod browser_pages;
mod budgets;
mod buzz;
mod buzz_limit;
mod consent_gallery;
mod consent_memory;
mod consent_page;
mod control_clock;
mod control_document;
mod control_effects;
mod control_fault_checks;
mod control_faults;
mod control_grants;
mod control_guard;
mod control_journal;
mod control_presets;
mod control_registry;
mod control_requests;
mod control_sandboxes;
mod control_sessions;
mod control_settings;
mod control_snapshots;
mod control_tokens;
mod control_verify;
mod dashboard_page;
mod device;
mod device_page;
mod device_refusals;
mod device_transport;
mod first_minute;
mod ledger;
mod left_behind;
mod legacy;
mod login_page;
mod mcp;
mod me;
mod mock_server;
mod mock_server_errors;
mod mock_server_verbs;
mod mock_users;
mod openid;
mod openid_keys;
mod origins;
mod otherwise;
mod outsiders;
mod outsiders_openid;
mod persistence;
mod playground_page;
mod program;
mod program_doors;
mod program_errors;
mod properties;
mod races;
mod rate_limits;
mod revoke;
mod sandboxes;
mod small_print;
mod tls;
mod token_client_credentials;
mod token_clients;
mod token_code;
mod token_code_later;
mod token_cors;
mod token_public_clients;
mod token_refresh;
mod userinfo;
mod workflows;
