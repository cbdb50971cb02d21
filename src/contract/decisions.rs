//! The differences that decided something in the answer to one request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// The decisions of one request, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DecisionSet {
    asked: u64,
    divergent: u64,
    /// The differences that followed each contract but [`Contract::Documented`].
    live: u64,
    live_2026_08: u64,
}

impl DecisionSet {
    /// The differences that were asked for, in the order of the table.
    fn differences(self) -> impl Iterator<Item = Difference> {
        let all = DIFFERENCES.iter().map(|entry| entry.difference);
        all.filter(move |difference| self.asked & difference.bit() != 0)
    }

    pub(crate) fn to_vec(self) -> Vec<Decision> {
        let decision = |difference: Difference| {
            let bit = difference.bit();
            Decision {
                difference,
                contract: if self.live & bit != 0 {
                    Contract::Live
                } else if self.live_2026_08 & bit != 0 {
                    Contract::Live2026_08
                } else {
                    Contract::Documented
                },
                is_divergent: self.divergent & bit != 0,
            }
        };
        self.differences().map(decision).collect()
    }
}

const _: () = assert!(DIFFERENCES.len() <= 64, "a difference is a bit of a u64");

impl Difference {
    fn bit(self) -> u64 {
        1 << self as u64
    }
}

/// Records which differences were asked for while a request was answered, and for which of them another contract would have
/// answered differently. Each decision point records both, so that nothing is evaluated twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct DecisionLog(Option<Arc<AtomicDecisions>>);

/// One bit for each difference.
#[derive(Debug, Default)]
struct AtomicDecisions {
    asked: AtomicU64,
    divergent: AtomicU64,
}

impl DecisionLog {
    /// A log that records.
    pub(crate) fn new() -> Self {
        Self(Some(Arc::default()))
    }

    pub(crate) fn note_asked(&self, difference: Difference) {
        if let Some(decisions) = &self.0 {
            decisions
                .asked
                .fetch_or(difference.bit(), Ordering::Relaxed);
        }
    }

    pub(crate) fn note_divergence(&self, difference: Difference) {
        if let Some(decisions) = &self.0 {
            decisions
                .divergent
                .fetch_or(difference.bit(), Ordering::Relaxed);
        }
    }

    /// The decisions so far, with the contract that each difference follows.
    pub(crate) fn decisions(&self, contract: impl Fn(Difference) -> Contract) -> DecisionSet {
        let Some(decisions) = &self.0 else {
            return DecisionSet::default();
        };
        let divergent = decisions.divergent.load(Ordering::Relaxed);
        let mut set = DecisionSet {
            asked: decisions.asked.load(Ordering::Relaxed) | divergent,
            divergent,
            ..DecisionSet::default()
        };
        for difference in set.differences() {
            match contract(difference) {
                Contract::Documented => {}
                Contract::Live => set.live |= difference.bit(),
                Contract::Live2026_08 => set.live_2026_08 |= difference.bit(),
            }
        }
        set
    }
}

/// A log does not make two sets of rules differ.
impl PartialEq for DecisionLog {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for DecisionLog {}
