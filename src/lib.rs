//! A stand-in for Civitai's OAuth 2.0 server: the same responses, offline, in any state that a test needs.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use civitai_oauth_mock::control::{Endpoint, Expect, NewTokens};
//! use civitai_oauth_mock::{MockServer, Scope};
//!
//! let server = MockServer::start().await; // a free port, data of its own; stops when it is dropped
//! let client = "dec0de00-0000-4000-8000-000000000001"; // one of the demo clients
//! let tokens = server.issue_tokens(NewTokens::new(client, "ada", Scope::USER_READ)).await?;
//!
//! // … run the app against server.base_url() with tokens.access_token.reveal(), then:
//! server.verify(Expect::endpoint(Endpoint::Token).refresh_token().never()).await?;
//! # let _ = tokens;
//! # Ok(())
//! # }
//! ```
//!
//! [`MockServer`] is the server for tests; its methods take and return the types of [`control`]. [`Server`] is the same
//! server for clients that use HTTP only.
//!
//! The program is `main.rs`, with the feature `cli`: it calls `cli::run`. The module map and the order of the layers are in
//! `docs/development/architecture.md`.

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
    Behavior, Contract, DIFFERENCES, Difference, DifferenceInfo, DifferenceOverride, Evidence,
    OBSERVED,
};
pub use invalid::Invalid;
pub use protocol::contract_rules::ContractRules;
pub use protocol::declared_scopes::DeclaredScopes;
pub use protocol::scope::{PRESETS, SCOPES, Scope, ScopeBit};
pub use protocol::scope_input::ScopeSpec;
pub use sandbox::settings::{ConsentMode, UnknownClients};
pub use server::{Server, StartError};
pub use store::{Database, StoreError};
