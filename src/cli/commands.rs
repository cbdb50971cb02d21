//! The commands that call the control API of a running server, for tokens, the clock and faults; and those that need no
//! server, for scopes and PKCE.

use clap::{Args, Subcommand};
use serde_json::json;

use super::output::{print, print_json};
use super::running_server::RunningServer;
use crate::control::Preset;
use crate::protocol::duration::Seconds;
use crate::protocol::scope::{PRESETS, Scope};
use crate::sandbox::entropy::Entropy;

/// Create tokens for a user, without a browser.
#[derive(Debug, Args)]
pub(crate) struct Token {
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
    server: RunningServer,
}

/// Show or change the mock's clock.
#[derive(Debug, Args)]
pub(crate) struct Clock {
    #[command(subcommand)]
    operation: Option<ClockOperation>,
    #[command(flatten)]
    server: RunningServer,
}

#[derive(Debug, Subcommand)]
enum ClockOperation {
    /// Advance the clock: 1h, 90s, or -5m to go back
    Advance {
        #[arg(allow_hyphen_values = true)]
        by: String,
    },
    /// Pause the clock, now or at a given time
    Freeze { at: Option<String> },
    /// Resume the clock
    Resume,
    /// Set the clock to a time such as 2026-01-31T12:00:00Z
    Set { at: String },
}

/// Turn on a fault by its name; "list" shows active faults, and "clear" removes them.
#[derive(Debug, Args)]
pub(crate) struct Fault {
    #[arg(help = fault_help())]
    name: String,
    /// Apply it at most this many times [default: until it is removed]
    #[arg(long, value_name = "NUMBER")]
    times: Option<u64>,
    #[command(flatten)]
    server: RunningServer,
}

/// Explain a scope: a number, a preset or names.
#[derive(Debug, Args)]
pub(crate) struct ScopeOptions {
    #[arg(help = scope_help())]
    scope: Scope,
}

fn scope_help() -> String {
    let presets = PRESETS.map(|(name, _)| format!("{name:?}"));
    format!(
        "A number such as 114689, names such as ModelsRead,MediaRead, or a preset: {}",
        presets.join(", ")
    )
}

fn fault_help() -> String {
    let presets: Vec<&str> = Preset::ALL.iter().map(|preset| preset.name()).collect();
    format!("list, clear, or a preset: {}", presets.join(", "))
}

pub(crate) async fn token(token: Token) -> anyhow::Result<()> {
    let server = &token.server;
    let client = if let Some(client) = token.client {
        client
    } else {
        let clients = server.control("GET", "clients", &json!({})).await?;
        clients[0]["id"].as_str().unwrap_or_default().to_owned()
    };
    let mut request = json!({ "client_id": client, "user": token.user, "scope": token.scope });
    if let Some(seconds) = token.expires_in {
        request["expires_in"] = seconds.0.into();
    }
    print_json(&server.control("POST", "tokens", &request).await?)
}

pub(crate) async fn clock(clock: Clock) -> anyhow::Result<()> {
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
    print_json(&clock.server.control(method, path, &body).await?)
}

pub(crate) async fn fault(fault: Fault) -> anyhow::Result<()> {
    let server = &fault.server;
    let body = fault
        .times
        .map_or_else(|| json!({}), |times| json!({ "times": times }));
    print_json(&match fault.name.as_str() {
        "list" => server.control("GET", "faults", &json!({})).await?,
        "clear" => server.control("DELETE", "faults", &json!({})).await?,
        name => {
            let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
            server
                .control("POST", &format!("faults/presets/{name}"), &body)
                .await?
        }
    })
}

pub(crate) fn scope(options: &ScopeOptions) -> anyhow::Result<()> {
    let preset = PRESETS.iter().find(|(_, scope)| *scope == options.scope);
    let lines = [options.scope.to_string()]
        .into_iter()
        .chain(preset.map(|(name, _)| format!("  the preset {name}")))
        .chain(options.scope.set_bits().map(|bit| {
            let label = bit
                .label
                .as_deref()
                .unwrap_or("for client_credentials only");
            format!("  {:>9}  {:<20} {label}", bit.value, bit.name)
        }));
    print(&format!("{}\n", lines.collect::<Vec<_>>().join("\n")))
}

pub(crate) fn pkce() -> anyhow::Result<()> {
    let verifier = Entropy::new(None, "pkce", 0).verifier();
    print(&format!(
        "code_verifier   {}\ncode_challenge  {}\n",
        verifier.reveal(),
        verifier.challenge().0
    ))
}
