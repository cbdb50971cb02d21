//! The command `fault`: adds a preset to a running server, and lists or deletes faults.

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use super::output::Output;
use super::running_server::{RunningServer, ServerOptions};
use super::sources::Sources;
use super::text;
use super::values::number;
use crate::control::{FaultView, Preset};

/// Add, list or delete faults: errors, delays and other failures of the server.
///
/// Without a preset or command, the active faults are listed.
#[derive(Debug, Args)]
pub(super) struct FaultOptions {
    /// Add this fault
    preset: Option<Preset>,
    #[command(flatten)]
    new_fault: NewFault,
    #[command(subcommand)]
    operation: Option<FaultOperation>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    server: ServerOptions,
}

/// The options of a new fault.
#[derive(Debug, Args)]
struct NewFault {
    /// Apply the fault at most this many times [default: until it is deleted]
    #[arg(long, value_parser = number::<u64>, value_name = "NUMBER", requires = "preset")]
    times: Option<u64>,
    /// Apply the fault only to requests of this client [default: to all requests]
    #[arg(long, value_name = "ID", requires = "preset")]
    client: Option<String>,
}

#[derive(Debug, Subcommand)]
enum FaultOperation {
    /// List the active faults
    List,
    /// Delete all faults
    Delete,
    /// List the presets; needs no server
    Presets,
}

impl ValueEnum for Preset {
    fn value_variants<'a>() -> &'a [Self] {
        Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        Some(PossibleValue::new(self.name()).help(self.description()))
    }
}

impl FaultOptions {
    /// Whether the command calls no server.
    pub(super) fn is_offline(&self) -> bool {
        matches!(self.operation, Some(FaultOperation::Presets))
    }
}

pub(super) async fn run(options: FaultOptions, sources: &Sources) -> anyhow::Result<()> {
    let FaultOptions {
        preset,
        new_fault,
        operation,
        output,
        server,
    } = options;
    match (preset, operation) {
        (Some(preset), None) => {
            let server = server.server(sources)?;
            add(preset, &new_fault, output, &server).await
        }
        (None, None | Some(FaultOperation::List)) => {
            let server = server.server(sources)?;
            let answer = server.control("GET", "faults", &json!({})).await?;
            output.print(&answer, || {
                Ok(text::faults(
                    &server.read::<FaultListAnswer>(&answer)?.faults,
                ))
            })
        }
        (None, Some(FaultOperation::Delete)) => {
            let server = server.server(sources)?;
            let answer = server.control("DELETE", "faults", &json!({})).await?;
            output.print(&answer, || Ok("deleted all faults".to_owned()))
        }
        (None, Some(FaultOperation::Presets)) => output.print(&presets(), || Ok(presets_text())),
        (Some(preset), Some(operation)) => anyhow::bail!(
            "fault: {:?} cannot be combined with the preset {:?}; remove one of them",
            format!("{operation:?}").to_lowercase(),
            preset.name()
        ),
    }
}

/// The answer to a list of faults.
#[derive(Debug, Deserialize)]
struct FaultListAnswer {
    faults: Vec<FaultView>,
}

/// The answer to a preset that moves the clock.
#[derive(Debug, Deserialize)]
struct MovedClock {
    clock: text::ClockAnswer,
}

async fn add(
    preset: Preset,
    new_fault: &NewFault,
    output: Output,
    server: &RunningServer,
) -> anyhow::Result<()> {
    let mut body = json!({});
    if let Some(times) = new_fault.times {
        body["times"] = times.into();
    }
    if let Some(client) = &new_fault.client {
        body["client_id"] = client.as_str().into();
    }
    let path = format!("faults/presets/{}", preset.name());
    let answer = server.control("POST", &path, &body).await?;
    output.print(&answer, || {
        Ok(match answer.get("fault") {
            Some(fault) => text::fault(&server.read(fault)?),
            None => text::clock(&server.read::<MovedClock>(&answer)?.clock),
        })
    })
}

/// The presets, each with the keys of the control API's answer when it is added.
fn presets() -> Value {
    let presets = Preset::ALL.iter().map(|preset| {
        let mut shown = json!({ "preset": preset.name(), "description": preset.description() });
        if let Some(rule) = preset.to_fault() {
            shown["fault"] = json!(rule);
        }
        shown
    });
    json!({ "presets": presets.collect::<Vec<_>>() })
}

fn presets_text() -> String {
    let names = Preset::ALL.iter().map(|preset| preset.name().len());
    let width = names.max().unwrap_or_default();
    let lines = Preset::ALL
        .iter()
        .map(|preset| format!("{:<width$}  {}", preset.name(), preset.description()));
    lines.collect::<Vec<_>>().join("\n")
}
