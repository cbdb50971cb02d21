//! What can be asked of a running server from a shell? Tokens, time and faults; and what needs no server: scopes
//! and PKCE. The verbs are `control/`; this is one more door to them.

use clap::{Args, Subcommand};
use serde_json::json;

use super::client::Server;
use super::{say, say_json};
use crate::protocol::scope::{PRESETS, Scope};
use crate::sandbox::entropy::Entropy;

/// Mint tokens for a user.
#[derive(Debug, Args)]
pub(super) struct Token {
    /// Id or username
    #[arg(long)]
    user: String,
    /// A number, a preset or names with commas
    #[arg(long, default_value = "UserRead")]
    scope: Scope,
    /// The client's id [default: the first client]
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// How long the access token lives, in seconds
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u32>,
    #[command(flatten)]
    server: Server,
}

/// Look at the clock, or move it.
#[derive(Debug, Args)]
pub(super) struct Clock {
    #[command(subcommand)]
    verb: Option<ClockVerb>,
    #[command(flatten)]
    server: Server,
}

#[derive(Debug, Subcommand)]
enum ClockVerb {
    /// Move it on: 1h, 90s, or -5m to go back
    Advance {
        #[arg(allow_hyphen_values = true)]
        by: String,
    },
    /// Stop it, where it stands or at a moment
    Freeze { at: Option<String> },
    /// Let it run on
    Resume,
    /// Set it to a moment such as 2026-01-31T12:00:00Z
    Set { at: String },
}

/// Set a fault by its name, such as token-endpoint-down; "list" and "clear" do what they say.
#[derive(Debug, Args)]
pub(super) struct Fault {
    /// The name of a preset, list or clear
    name: String,
    /// At most so often [default: until it is removed]
    #[arg(long, value_name = "NUMBER")]
    times: Option<u64>,
    #[command(flatten)]
    server: Server,
}

/// Say what a scope means, from a number, a preset or names.
#[derive(Debug, Args)]
pub(super) struct ScopeOf {
    /// 114689, "AI Services", or ModelsRead,MediaRead
    scope: Scope,
}

pub(super) async fn token(asked: Token) -> anyhow::Result<()> {
    let server = &asked.server;
    let client = if let Some(client) = asked.client {
        client
    } else {
        let clients = server.control("GET", "clients", &json!({})).await?;
        clients[0]["id"].as_str().unwrap_or_default().to_owned()
    };
    let mut wanted = json!({ "client_id": client, "user": asked.user, "scope": asked.scope });
    if let Some(seconds) = asked.expires_in {
        wanted["expires_in"] = seconds.into();
    }
    say_json(&server.control("POST", "tokens", &wanted).await?)
}

pub(super) async fn clock(asked: Clock) -> anyhow::Result<()> {
    let (method, path, body) = match asked.verb {
        None => ("GET", "clock", json!({})),
        Some(ClockVerb::Advance { by }) => ("POST", "clock/advance", json!({ "by": by })),
        Some(ClockVerb::Freeze { at: None }) => ("POST", "clock/freeze", json!({})),
        Some(ClockVerb::Freeze { at: Some(at) }) => ("POST", "clock/freeze", json!({ "at": at })),
        Some(ClockVerb::Resume) => ("POST", "clock/resume", json!({})),
        Some(ClockVerb::Set { at }) => ("POST", "clock/set", json!({ "at": at })),
    };
    say_json(&asked.server.control(method, path, &body).await?)
}

pub(super) async fn fault(asked: Fault) -> anyhow::Result<()> {
    let server = &asked.server;
    let body = asked
        .times
        .map_or_else(|| json!({}), |times| json!({ "times": times }));
    say_json(&match asked.name.as_str() {
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

pub(super) fn scope(asked: &ScopeOf) -> anyhow::Result<()> {
    let preset = PRESETS.iter().find(|(_, scope)| *scope == asked.scope);
    let lines = [asked.scope.to_string()]
        .into_iter()
        .chain(preset.map(|(name, _)| format!("  the preset {name}")))
        .chain(
            asked
                .scope
                .set_bits()
                .map(|bit| format!("  {:>9}  {:<20} {}", bit.value, bit.name, bit.label)),
        );
    say(&format!("{}\n", lines.collect::<Vec<_>>().join("\n")))
}

pub(super) fn pkce() -> anyhow::Result<()> {
    let verifier = Entropy::new(None, "pkce", 0).verifier();
    say(&format!(
        "code_verifier   {}\ncode_challenge  {}\n",
        verifier.reveal(),
        verifier.challenge().0
    ))
}
