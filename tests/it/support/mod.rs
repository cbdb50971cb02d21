//! Shared helpers: a server per test, a client that follows no redirects, and complete responses for snapshots.

mod answer;
mod apps;
mod attempts;
mod browser;
mod devices;
mod driver;
mod fields;
mod files;
pub(crate) mod frames;
mod https;
mod id_tokens;
mod line;
mod names;
mod page;
mod player;
mod program;
mod recorded_answer;
pub(crate) mod replay;
pub(crate) mod secrets;
mod spender;
mod stopwatch;
pub(crate) mod vectors;
mod walk;
mod world;

pub(crate) use answer::{Answer, redacted};
pub(crate) use apps::{
    APP_BLOCK, App, CODE_ONLY, CONF, DISABLED, LOST_SECRET, NARROW, NO_GRANTS, ODD_SECRET, OTHER,
    PUBLIC_CC, SPA, TESTERS, Tokens, VERIFIER, WIDE,
};
pub(crate) use attempts::{Attempt, watched};
pub(crate) use browser::{Browser, ENTER, SPACE};
pub(crate) use devices::{
    CLI, DEVICE, DEVICE_APPROVE, DEVICE_GRANT, DEVICE_INFO, DEVICE_PAGE, DEVICE_TOKEN, Device,
};
pub(crate) use fields::Fields;
pub(crate) use files::Folder;
pub(crate) use https::{Https, http2_over};
pub(crate) use id_tokens::{CONFIGURATION, JWKS};
pub(crate) use line::{Line, statuses};
pub(crate) use page::Page;
pub(crate) use player::{PLAYGROUND, Player, begins, gist, wire};
pub(crate) use program::Program;
pub(crate) use spender::{ME, Spender, WORKFLOWS};
pub(crate) use stopwatch::Stopwatch;
pub(crate) use walk::Walk;
pub(crate) use world::{Ask, Mock, World, config};

pub(crate) const AUTHORIZE: &str = "/api/auth/oauth/authorize";
pub(crate) const TOKEN: &str = "/api/auth/oauth/token";
pub(crate) const REVOKE: &str = "/api/auth/oauth/revoke";
pub(crate) const USERINFO: &str = "/api/auth/oauth/userinfo";
pub(crate) const CONSENT_PAGE: &str = "/login/oauth/authorize";
