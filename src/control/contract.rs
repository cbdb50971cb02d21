//! The contract in force: each difference with its contract, and the scopes.

use serde::Serialize;

use crate::contract::{Contract, DIFFERENCES, Difference, Evidence};
use crate::protocol::scope::{PRESETS, Scope, ScopeBit};
use crate::protocol::scope_rules::scope_bits;
use crate::sandbox::Sandbox;

/// The contract in force.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ContractView {
    /// The contract of all differences without an override.
    pub contract: Contract,
    sources: ByContract<&'static str>,
    /// Each difference, in the order of the table in `docs/explanation/contracts.md`.
    pub differences: Vec<DifferenceView>,
    /// The scope bits: those of Civitai, and declared ones.
    pub scopes: Vec<ScopeBit>,
    presets: Vec<PresetView>,
}

/// One difference and the contract in force for it.
#[derive(Debug, Clone, Copy, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DifferenceView {
    /// The difference.
    pub name: Difference,
    /// The contract in force for it.
    pub contract: Contract,
    /// The behaviour under each contract.
    #[serde(flatten)]
    pub answers: ByContract<&'static str>,
    /// The month since when each contract has behaved so.
    pub since: ByContract<&'static str>,
    /// The evidence.
    pub evidence: ByContract<Evidence>,
}

/// A value for each contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(inline))]
#[non_exhaustive]
pub struct ByContract<T> {
    /// As documented at developer.civitai.com.
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
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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
            contract: rules.contract_for(entry.difference),
            answers: ByContract::new(|contract| entry.behavior(contract).answer),
            since: ByContract::new(|contract| entry.behavior(contract).since),
            evidence: ByContract::new(|contract| entry.behavior(contract).evidence),
        };
        let preset = |(name, scope)| PresetView { name, scope };
        ContractView {
            contract: rules.contract,
            sources: ByContract {
                documented: "https://developer.civitai.com/site/oauth, read 2026-08, unchanged 2026-10",
                live: "the recording of 2026-08 and the later changes that each difference lists",
                live_2026_08: "civitai/civitai 5.0.2257 of 2026-08-08, recorded on the wire",
            },
            differences: DIFFERENCES.iter().map(difference).collect(),
            scopes: scope_bits(rules).cloned().collect(),
            presets: PRESETS.into_iter().map(preset).collect(),
        }
    }
}
