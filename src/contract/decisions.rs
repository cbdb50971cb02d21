//! The differences that decided something in the answer to one request.

use std::sync::{Arc, Mutex, PoisonError};

use super::contracts::Contract;
use super::differences::{DIFFERENCES, Difference};

/// A difference that was asked for while a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) difference: Difference,
    /// The contract that it followed.
    pub(crate) contract: Contract,
    /// Whether another contract is known to answer this request differently.
    pub(crate) is_divergent: bool,
}

/// The decisions of one request, as bits: the journal stores one for each request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DecisionSet {
    /// The differences that followed each contract of [`Contract::ALL`].
    asked: [u64; Contract::ALL.len()],
    divergent: u64,
}

const _: () = assert!(DIFFERENCES.len() <= 64, "a difference is a bit of a u64");

impl DecisionSet {
    /// The differences that were asked for, in the order of the table.
    pub(crate) fn to_vec(self) -> Vec<Decision> {
        let decision = |difference: Difference| {
            let has = |bits: u64| bits & (1 << difference as u64) != 0;
            let mut contract = Contract::ALL.into_iter().zip(self.asked);
            Some(Decision {
                difference,
                contract: contract.find(|(_, asked)| has(*asked))?.0,
                is_divergent: has(self.divergent),
            })
        };
        let all = DIFFERENCES.iter().map(|entry| entry.difference);
        all.filter_map(decision).collect()
    }
}

/// Records which differences were asked for while a request was answered, and for which of them another contract would have
/// answered differently. Each decision point records both, so that nothing is evaluated twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct DecisionLog(Option<Arc<Mutex<DecisionSet>>>);

impl DecisionLog {
    /// A log that records.
    pub(crate) fn new() -> Self {
        Self(Some(Arc::default()))
    }

    pub(crate) fn record(&self, difference: Difference, contract: Contract, is_divergent: bool) {
        if let Some(decisions) = &self.0 {
            let mut decisions = decisions.lock().unwrap_or_else(PoisonError::into_inner);
            decisions.asked[contract as usize] |= 1 << difference as u64;
            decisions.divergent |= u64::from(is_divergent) << difference as u64;
        }
    }

    /// The decisions so far.
    pub(crate) fn decisions(&self) -> DecisionSet {
        let decisions = self.0.as_ref().map(|decisions| decisions.lock());
        decisions.map_or_else(DecisionSet::default, |decisions| {
            *decisions.unwrap_or_else(PoisonError::into_inner)
        })
    }
}

/// A log does not make two sets of rules differ.
impl PartialEq for DecisionLog {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for DecisionLog {}
