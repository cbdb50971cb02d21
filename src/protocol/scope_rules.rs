//! Which scope bits exist under a sandbox's rules, and how its contract reads a scope number.

use super::contract_rules::ContractRules;
use super::scope::{SCOPES, Scope, ScopeBit};
use crate::contract::{Contract, Difference};

impl Scope {
    /// The bits that are set and exist under these rules, lowest first.
    pub(crate) fn existing_bits(self, rules: &ContractRules) -> impl Iterator<Item = &ScopeBit> {
        scope_bits(rules).filter(move |bit| self.covers(bit.scope()))
    }

    /// What a page shows of this scope under these rules.
    pub(crate) fn labels(self, rules: &ContractRules) -> Vec<String> {
        let shown = self
            .existing_bits(rules)
            .filter_map(|bit| bit.label.as_deref());
        shown.map(str::to_owned).collect()
    }

    /// This scope, if all its bits exist: Civitai's (differences `link-connect` and `app-store-catalog-write`), and the
    /// declared ones.
    pub(crate) fn if_it_exists(self, declared: Self, rules: &ContractRules) -> Option<Self> {
        for (bit, difference) in ADDED {
            if self.covers(bit) && !declared.covers(bit) {
                rules.record_divergence(difference, true);
                if rules.follows_recording(difference) {
                    return None;
                }
            }
        }
        Self::ALL.union(declared).covers(self).then_some(self)
    }

    /// Difference `scope-syntax`. `declared` are the bits that are accepted in addition to Civitai's.
    pub(crate) fn parse_by(text: &str, declared: Self, rules: &ContractRules) -> Option<Self> {
        let as_documented = Self::parse_decimal(text, declared);
        let as_live = Self::parse_leading_digits(text);
        rules.record_divergence(Difference::ScopeSyntax, as_documented != as_live);
        match rules.contract_for(Difference::ScopeSyntax) {
            Contract::Documented => as_documented,
            Contract::Live | Contract::Live2026_08 => as_live?.if_it_exists(declared, rules),
        }
    }
}

/// The bits that were added after the recording, with their differences.
const ADDED: [(Scope, Difference); 2] = [
    (Scope::LINK_CONNECT, Difference::LinkConnect),
    (
        Scope::APP_STORE_CATALOG_WRITE,
        Difference::AppStoreCatalogWrite,
    ),
];

/// The bits that exist under these rules, lowest first: Civitai's, and those that a seed or a control call has declared.
pub(crate) fn scope_bits(rules: &ContractRules) -> impl Iterator<Item = &ScopeBit> {
    let exists = |bit: &&ScopeBit| {
        ADDED.iter().all(|(added, difference)| {
            bit.scope() != *added || rules.contract_untracked(*difference) != Contract::Live2026_08
        })
    };
    SCOPES
        .iter()
        .filter(exists)
        .chain(rules.declared_scopes.iter())
}
