//! The commands `token`, `clock` and `reset`, which call the control API of a running server.

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde::Deserialize;
use serde_json::json;

use super::output::Output;
use super::running_server::ServerOptions;
use super::scope::scope_help;
use super::sources::Sources;
use super::text;
use crate::protocol::duration::Seconds;
use crate::protocol::scope::Scope;

/// Issue tokens for a user, without a browser.
#[derive(Debug, Args)]
pub(super) struct TokenCommand {
    /// Id or username
    #[arg(long)]
    user: String,
    #[arg(long, default_value = "UserRead", help = scope_help())]
    scope: Scope,
    /// The client's id [default: the first client]
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// Lifetime of the access token, in seconds or with a unit, such as 1h
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<Seconds>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    server: ServerOptions,
}

/// Show or move the clock of the sandbox.
///
/// Without a command, the clock is shown.
#[derive(Debug, Args)]
pub(super) struct ClockCommand {
    #[command(subcommand)]
    operation: Option<ClockOperation>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Subcommand)]
enum ClockOperation {
    /// Advance the clock: 1h, 90s, or -5m to go back
    Advance {
        #[arg(allow_hyphen_values = true)]
        by: String,
    },
    /// Freeze the clock, now or at a given time
    Freeze { at: Option<String> },
    /// Resume the clock
    Resume,
    /// Set the clock to a time such as 2026-01-31T12:00:00Z
    Set { at: String },
}

/// Reset the sandbox to its seed and start-up settings.
#[derive(Debug, Args)]
pub(super) struct ResetCommand {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    server: ServerOptions,
}

#[derive(Debug, Deserialize)]
struct ClientsAnswer {
    clients: Vec<ClientAnswer>,
}

/// The key of a client that tokens are issued with.
#[derive(Debug, Deserialize)]
struct ClientAnswer {
    id: String,
}

pub(super) async fn token(token: TokenCommand, sources: &Sources) -> anyhow::Result<()> {
    let server = token.server.server(sources)?;
    let client = if let Some(client) = token.client {
        client
    } else {
        let answer = server.control("GET", "clients", &json!({})).await?;
        let answer: ClientsAnswer = server.read(&answer)?;
        let first = answer.clients.into_iter().next();
        let first = first.context("the sandbox has no clients; add [[clients]] to its seed, or create one with POST /_mock/clients")?;
        first.id
    };
    let mut request = json!({ "client_id": client, "user": token.user, "scope": token.scope });
    if let Some(seconds) = token.expires_in {
        request["expires_in"] = seconds.0.into();
    }
    let answer = server.control("POST", "tokens", &request).await?;
    token.output.print(&answer, || Ok(text::pairs(&answer)))
}

pub(super) async fn clock(clock: ClockCommand, sources: &Sources) -> anyhow::Result<()> {
    let server = clock.server.server(sources)?;
    let (method, path, body) = match clock.operation {
        None => ("GET", "clock", json!({})),
        Some(ClockOperation::Advance { by }) => ("POST", "clock/advance", json!({ "by": by })),
        Some(ClockOperation::Freeze { at: None }) => ("POST", "clock/freeze", json!({})),
        Some(ClockOperation::Freeze { at: Some(at) }) => {
            ("POST", "clock/freeze", json!({ "at": at }))
        }
        Some(ClockOperation::Resume) => ("POST", "clock/resume", json!({})),
        Some(ClockOperation::Set { at }) => ("POST", "clock/set", json!({ "at": at })),
    };
    let answer = server.control(method, path, &body).await?;
    let text = || Ok(text::clock(&server.read(&answer)?));
    clock.output.print(&answer, text)
}

pub(super) async fn reset(reset: ResetCommand, sources: &Sources) -> anyhow::Result<()> {
    let server = reset.server.server(sources)?;
    let answer = server.control("POST", "reset", &json!({})).await?;
    reset.output.print(&answer, || {
        let text =
            "reset to the seed and the start-up settings; faults, clock and journal are reset too";
        Ok(text.to_owned())
    })
}
