//! Which contract holds here? The table of differences with the side that each is on, and the scopes.

use serde::Serialize;

use crate::contract::{Contract, DIFFERENCES, Difference, OBSERVED};
use crate::protocol::scope::{PRESETS, SCOPES, Scope, ScopeBit};
use crate::sandbox::Sandbox;

/// The contract in force.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ContractView {
    /// What holds where nothing else is said.
    pub contract: Contract,
    sources: Sources,
    /// Each difference, in the order of the README's table.
    pub differences: Vec<DifferenceView>,
    scopes: &'static [ScopeBit],
    presets: Vec<PresetView>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Sources {
    documented: &'static str,
    live: &'static str,
}

/// One difference, and the side that it is on.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct DifferenceView {
    /// Which.
    pub name: Difference,
    /// The side that holds.
    pub side: Contract,
    /// What developer.civitai.com says.
    pub documented: &'static str,
    /// What the deployed server answers.
    pub live: &'static str,
    /// When both were read: year and month.
    pub observed: &'static str,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct PresetView {
    name: &'static str,
    scope: Scope,
}

impl Sandbox {
    /// The contract in force, difference by difference.
    pub(crate) fn show_contract(&self) -> ContractView {
        let settings = self.settings();
        let difference = |entry: &crate::contract::Entry| DifferenceView {
            name: entry.difference,
            side: settings.rules.side(entry.difference),
            documented: entry.documented,
            live: entry.live,
            observed: OBSERVED,
        };
        let preset = |(name, scope)| PresetView { name, scope };
        ContractView {
            contract: settings.rules.contract,
            sources: Sources {
                documented: "https://developer.civitai.com/site/oauth",
                live: "civitai/civitai 5.0.2257 of 2026-08-08, recorded on the wire",
            },
            differences: DIFFERENCES.iter().map(difference).collect(),
            scopes: &SCOPES,
            presets: PRESETS.into_iter().map(preset).collect(),
        }
    }
}
