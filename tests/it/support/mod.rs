//! Shared helpers: a server per test, a client that follows no redirects, and complete responses for snapshots.

mod apps;
mod browser;
mod devices;
mod driver;
mod fields;
pub(crate) mod frames;
mod https;
mod id_tokens;
mod names;
mod page;
mod page_checks;
mod playground_user;
mod program;
mod raw_connection;
mod recorded_answer;
pub(crate) mod recordings;
pub(crate) mod replay;
mod response;
mod secret_tracker;
pub(crate) mod secrets;
mod server;
mod sign_in;
mod spending_app;
mod stopwatch;
mod temp_dir;

pub(crate) use apps::{
    APP_BLOCK, App, CODE_ONLY, CONF, DISABLED, LOST_SECRET, NARROW, NO_GRANTS, ODD_SECRET, OTHER,
    PUBLIC_CC, SPA, TESTERS, Tokens, VERIFIER, WIDE,
};
pub(crate) use browser::{Browser, ENTER, SPACE};
pub(crate) use devices::{
    CLI, DEVICE, DEVICE_APPROVE, DEVICE_GRANT, DEVICE_INFO, DEVICE_PAGE, DEVICE_TOKEN, Device,
};
pub(crate) use fields::Fields;
pub(crate) use https::{Https, http2_over};
pub(crate) use id_tokens::{CONFIGURATION, JWKS};
pub(crate) use page::Page;
pub(crate) use playground_user::{PLAYGROUND, PlaygroundUser, start_form, summary, wire};
pub(crate) use program::Program;
pub(crate) use raw_connection::{RawConnection, statuses};
pub(crate) use response::{TestResponse, redacted};
pub(crate) use secret_tracker::SecretTracker;
pub(crate) use server::{SandboxClient, TestRequest, TestServer, config};
pub(crate) use sign_in::{SignIn, with_frozen_clock};
pub(crate) use spending_app::{ME, SpendingApp, WORKFLOWS};
pub(crate) use stopwatch::Stopwatch;
pub(crate) use temp_dir::TempDir;

pub(crate) const AUTHORIZE: &str = "/api/auth/oauth/authorize";
pub(crate) const TOKEN: &str = "/api/auth/oauth/token";
pub(crate) const REVOKE: &str = "/api/auth/oauth/revoke";
pub(crate) const USERINFO: &str = "/api/auth/oauth/userinfo";
pub(crate) const CONSENT_PAGE: &str = "/login/oauth/authorize";
