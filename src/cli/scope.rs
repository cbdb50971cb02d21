//! The command `scope`: the bits of a scope.

use clap::Args;
use serde_json::json;

use super::output::Output;
use crate::protocol::scope::{PRESETS, Scope};

/// Explain a scope: a number, a preset or names.
#[derive(Debug, Args)]
pub(super) struct ScopeOptions {
    #[arg(help = scope_help())]
    scope: Scope,
    #[command(flatten)]
    output: Output,
}

/// The forms of a scope.
pub(super) fn scope_help() -> String {
    let presets = PRESETS.map(|(name, _)| format!("{name:?}"));
    format!(
        "A number such as 114689, names such as ModelsRead,MediaRead, or a preset: {}",
        presets.join(", ")
    )
}

pub(super) fn run(options: &ScopeOptions) -> anyhow::Result<()> {
    let scope = options.scope;
    let preset = PRESETS.iter().find(|(_, preset)| *preset == scope);
    let preset = preset.map(|(name, _)| *name);
    let bits: Vec<_> = scope.set_bits().collect();
    let json = json!({ "scope": scope, "preset": preset, "scopes": bits });
    options.output.print(&json, || {
        let lines = [scope.to_string()]
            .into_iter()
            .chain(preset.map(|name| format!("  the preset {name}")))
            .chain(bits.iter().map(|bit| {
                let label = bit.label.as_deref();
                let label = label.unwrap_or("for client_credentials only");
                format!("  {:>9}  {:<20} {label}", bit.value, bit.name)
            }));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    })
}
