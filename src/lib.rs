//! A stand-in for Civitai's OAuth 2.0 server: the same answers, offline, in any state a test needs.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use civitai_oauth_mock::control::{Endpoint, Expect, Mint};
//! use civitai_oauth_mock::{MockServer, Scope};
//!
//! let server = MockServer::start().await; // a free port, a world of its own; stops when it is dropped
//! let client = "dec0de00-0000-4000-8000-000000000001"; // one of the demo clients
//! let tokens = server.mint(Mint::new(client, "ada", Scope::USER_READ)).await?;
//!
//! // … let the app at server.base_url() do its work with tokens.access_token.reveal(), then:
//! server.verify(Expect::endpoint(Endpoint::Token).refresh_token().never()).await?;
//! # let _ = tokens;
//! # Ok(())
//! # }
//! ```
//!
//! [`MockServer`] is the server for tests; what its verbs take and give is in [`control`]. [`Server`] is the same without
//! verbs, for whoever calls it over HTTP alone.
//!
//! # The map
//!
//! Data flows one way:
//!
//! ```text
//! contract, protocol ← model ← store ← { oauth, api, pages, control } ← exchange ← router ← server ← cli
//!       pure            pure     SQL            axum                  axum     tokio
//! ```
//!
//! | room | answers |
//! |---|---|
//! | `contract` | In what do the documented and the deployed server differ? |
//! | `protocol` | What do the words mean? Parsed once, pure. |
//! | `model` | What exists, and how may it change? |
//! | `store` | How is it kept? In memory, with a SQLite file behind it where there is one; one file per table. |
//! | `sandbox` | What is one private world? Store, clock, entropy, keys, settings, faults, journal. |
//! | `exchange` | What happens to one request on its way through? Faults and journal. |
//! | `oauth` | The endpoints that client apps speak, one file each. |
//! | `api` | What an app calls right after sign-in: who am I, what is there to spend, do some work. |
//! | `pages` | The pages that people see. |
//! | `control` | What makes it a mock: each verb once. |
//! | `embed` | How does a Rust test use the mock? |
//! | `mcp` | How does a coding agent use the mock? |
//! | `health` | Is the server well, and can it keep what it is told? |
//! | `router` | Every path and its handler: the one table to read first. |
//! | `server`, `listener`, `tls` | How does it listen? |
//! | `files` | Files that another program waits for. |
//! | `config`, `seed`, `invalid` | What can be set, what there is to begin with, and what is said when either is wrong. |
//!
//! The program is `main.rs`, with the feature `cli`: it calls `cli::run`.
//!
//! A request for a token, from end to end: `router` names the handler, `http::context` reads the bytes,
//! `protocol` parses them, `store` settles who wins, `model` holds the rules, `oauth::mint` makes the tokens
//! and `http::respond` chooses status and headers.

mod advice;
mod api;
#[cfg(feature = "tls")]
mod certificate;
#[cfg(feature = "cli")]
pub mod cli;
mod config;
mod contract;
pub mod control;
mod control_api;
#[cfg(any(feature = "cli", feature = "tls"))]
mod files;
mod health;
mod hosts;
mod http;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
mod invalid;
mod lenient;
#[cfg(feature = "mcp")]
mod mcp;
mod middleware;
mod mock_server;
mod model;
mod oauth;
mod pages;
mod protocol;
mod redact;
mod router;
mod sandbox;
mod seed;
mod server;
mod store;
mod suggest;

pub use crate::mock_server::{MockError, MockSandbox, MockServer, MockServerBuilder};
#[cfg(feature = "tls")]
pub use crate::server::tls::TlsError;
#[cfg(feature = "tls")]
pub use certificate::Certificate;
pub use config::Config;
#[cfg(feature = "mcp")]
pub use config::McpListen;
pub use contract::{
    Contract, DIFFERENCES, Difference, DifferenceInfo, DifferenceOverride, Evidence, OBSERVED, Side,
};
pub use invalid::Invalid;
pub use protocol::declared_scopes::DeclaredScopes;
pub use protocol::rules::Rules;
pub use protocol::scope::{PRESETS, SCOPES, Scope, ScopeBit};
pub use protocol::scope_input::ScopeSpec;
pub use sandbox::settings::{ConsentMode, UnknownClients};
pub use server::{Server, StartError};
pub use store::{Database, StoreError};
