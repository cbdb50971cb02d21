//! The command `fault`: adds a preset to a running server, and lists or deletes faults.

use clap::builder::PossibleValue;
use clap::{Args, Subcommand, ValueEnum};
use serde::Deserialize as _;
use serde_json::{Value, json};

use super::output::Output;
use super::running_server::RunningServer;
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
    /// Apply the fault at most this many times [default: until it is deleted]
    #[arg(long, value_parser = number::<u64>, value_name = "NUMBER", requires = "preset")]
    times: Option<u64>,
    #[command(subcommand)]
    operation: Option<FaultOperation>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    server: RunningServer,
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

pub(super) async fn run(options: FaultOptions) -> anyhow::Result<()> {
    let FaultOptions {
        preset,
        times,
        operation,
        output,
        server,
    } = options;
    match (preset, operation) {
        (Some(preset), None) => add(preset, times, output, &server).await,
        (None, None | Some(FaultOperation::List)) => {
            let answer = server.control("GET", "faults", &json!({})).await?;
            let faults = Vec::<FaultView>::deserialize(&answer["faults"])?;
            output.print(&answer, || text::faults(&faults))
        }
        (None, Some(FaultOperation::Delete)) => {
            let answer = server.control("DELETE", "faults", &json!({})).await?;
            output.print(&answer, || "deleted all faults".to_owned())
        }
        (None, Some(FaultOperation::Presets)) => output.print(&presets(), presets_text),
        (Some(preset), Some(operation)) => anyhow::bail!(
            "fault: {:?} cannot be combined with the preset {:?}; remove one of them",
            format!("{operation:?}").to_lowercase(),
            preset.name()
        ),
    }
}

async fn add(
    preset: Preset,
    times: Option<u64>,
    output: Output,
    server: &RunningServer,
) -> anyhow::Result<()> {
    let body = times.map_or_else(|| json!({}), |times| json!({ "times": times }));
    let path = format!("faults/presets/{}", preset.name());
    let answer = server.control("POST", &path, &body).await?;
    let text = match FaultView::deserialize(&answer["fault"]) {
        Ok(fault) => text::fault(&fault),
        // A preset that moves the clock.
        Err(_) => text::clock(&answer["clock"]),
    };
    output.print(&answer, || text)
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
