//! The rules of a sandbox: its contract, the differences that follow another contract, and the declared scopes.
//! Code asks [`ContractRules`] for the contract of each difference that it depends on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::declared_scopes::DeclaredScopes;
use crate::contract::{Contract, DecisionLog, DecisionSet, Difference};

/// A contract, and the differences that are set apart from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub struct ContractRules {
    /// The contract of the other differences.
    pub contract: Contract,
    /// Differences that follow a contract of their own.
    #[serde(default)]
    pub differences: BTreeMap<Difference, Contract>,
    /// Scope bits that exist in addition to Civitai's.
    #[serde(default, rename = "scopes", skip_serializing_if = "<[_]>::is_empty")]
    pub declared_scopes: DeclaredScopes,
    /// The differences that were asked for.
    #[serde(skip)]
    pub(crate) log: DecisionLog,
}

impl ContractRules {
    /// The contract that this difference follows.
    pub fn contract_for(&self, difference: Difference) -> Contract {
        let contract = self.contract_untracked(difference);
        self.log.record(difference, contract, false);
        contract
    }

    /// The contract, without recording that it decided something.
    pub(crate) fn contract_untracked(&self, difference: Difference) -> Contract {
        self.differences
            .get(&difference)
            .copied()
            .unwrap_or(self.contract)
    }

    /// Records at a decision point whether another contract would have answered this request differently. Handlers skip it if
    /// they would have to evaluate the request a second time.
    pub(crate) fn record_divergence(&self, difference: Difference, differs: bool) {
        if differs {
            let contract = self.contract_untracked(difference);
            self.log.record(difference, contract, true);
        }
    }

    /// The decisions so far.
    pub(crate) fn decisions(&self) -> DecisionSet {
        self.log.decisions()
    }

    /// Whether this difference follows the deployed server, as last known or as recorded.
    pub fn follows_deployed_server(&self, difference: Difference) -> bool {
        self.contract_for(difference) != Contract::Documented
    }

    /// Whether this difference follows the recording. A difference that the documentation does not mention is the same
    /// under the other contracts.
    pub fn follows_recording(&self, difference: Difference) -> bool {
        self.contract_for(difference) == Contract::Live2026_08
    }

    /// Whether this difference follows the documentation.
    pub fn follows_documentation(&self, difference: Difference) -> bool {
        self.contract_for(difference) == Contract::Documented
    }
}
