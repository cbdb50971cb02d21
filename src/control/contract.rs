//! The contract in force: the differences with the side that each is on, and the scopes.

use serde::Serialize;

use crate::contract::{Contract, DIFFERENCES, Difference, Evidence};
use crate::protocol::scope::{PRESETS, Scope, ScopeBit};
use crate::protocol::scope_rules::scope_bits;
use crate::sandbox::Sandbox;

/// The contract in force.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ContractView {
    /// What holds where nothing else is said.
    pub contract: Contract,
    sources: ByContract<&'static str>,
    /// Each difference, in the order of the README's table.
    pub differences: Vec<DifferenceView>,
    /// The scope bits that exist: Civitai's, and those that were declared.
    pub scopes: Vec<ScopeBit>,
    presets: Vec<PresetView>,
}

/// One difference, and the side that it is on.
#[derive(Debug, Clone, Copy, Serialize)]
#[non_exhaustive]
pub struct DifferenceView {
    /// Which.
    pub name: Difference,
    /// The side that holds.
    pub side: Contract,
    /// What is answered.
    #[serde(flatten)]
    pub answers: ByContract<&'static str>,
    /// The months from which that has been answered.
    pub since: ByContract<&'static str>,
    /// How that is known.
    pub evidence: ByContract<Evidence>,
}

/// A value for each contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ByContract<T> {
    /// What developer.civitai.com says.
    pub documented: T,
    /// The deployed server as last known.
    pub live: T,
    /// The deployed server as it was recorded.
    #[serde(rename = "live@2026-08")]
    pub live_2026_08: T,
}

impl<T> ByContract<T> {
    fn new(of: impl Fn(Contract) -> T) -> Self {
        Self {
            documented: of(Contract::Documented),
            live: of(Contract::Live),
            live_2026_08: of(Contract::Live2026_08),
        }
    }
}

#[derive(Debug, Clone, Copy, Serialize)]
struct PresetView {
    name: &'static str,
    scope: Scope,
}

impl Sandbox {
    /// The contract in force, difference by difference.
    pub(crate) fn show_contract(&self) -> ContractView {
        let rules = &self.settings().rules;
        let difference = |entry: &crate::contract::DifferenceInfo| DifferenceView {
            name: entry.difference,
            side: rules.side(entry.difference),
            answers: ByContract::new(|contract| entry.side(contract).answer),
            since: ByContract::new(|contract| entry.side(contract).since),
            evidence: ByContract::new(|contract| entry.side(contract).evidence),
        };
        let preset = |(name, scope)| PresetView { name, scope };
        ContractView {
            contract: rules.contract,
            sources: ByContract {
                documented: "https://developer.civitai.com/site/oauth, read 2026-08, unchanged 2026-10",
                live: "the recording of 2026-08 and what has changed since, as each difference says",
                live_2026_08: "civitai/civitai 5.0.2257 of 2026-08-08, recorded on the wire",
            },
            differences: DIFFERENCES.iter().map(difference).collect(),
            scopes: scope_bits(rules).cloned().collect(),
            presets: PRESETS.into_iter().map(preset).collect(),
        }
    }
}
