//! The contracts, and the side that a sandbox follows in each difference between them. The rows are in
//! `differences.rs`; code that depends on one asks [`Rules`] for it by name.

mod differences;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use crate::protocol::declared_scopes::DeclaredScopes;

pub use differences::{DIFFERENCES, Difference, Entry, Evidence, OBSERVED, Side};

/// Which statement about Civitai's OAuth server is followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contract {
    /// What developer.civitai.com says. Where it is silent, it behaves like [`Contract::Live`].
    #[default]
    Documented,
    /// The deployed server as last known: the recording of 2026-08, and what has changed since.
    Live,
    /// The deployed server as it was recorded on the wire in 2026-08.
    #[serde(rename = "live@2026-08")]
    Live2026_08,
}

impl Contract {
    /// Every contract.
    pub const ALL: [Self; 3] = [Self::Documented, Self::Live, Self::Live2026_08];

    /// The name that settings, flags and answers use: `documented`, `live` or `live@2026-08`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Documented => "documented",
            Self::Live => "live",
            Self::Live2026_08 => "live@2026-08",
        }
    }
}

impl fmt::Display for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Contract {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|contract| contract.name() == text)
            .ok_or_else(|| {
                format!("no contract {text:?}: choose \"documented\", \"live\" or \"live@2026-08\"")
            })
    }
}

/// A contract, and the differences that are set apart from it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// What holds where nothing else is said.
    pub contract: Contract,
    /// Single differences that follow their own side.
    #[serde(default)]
    pub differences: BTreeMap<Difference, Contract>,
    /// Scope bits that exist in addition to Civitai's.
    #[serde(default, rename = "scopes", skip_serializing_if = "<[_]>::is_empty")]
    pub declared_scopes: DeclaredScopes,
    /// Which differences were asked for.
    #[serde(skip)]
    pub(crate) trace: Trace,
}

/// A difference that was asked for while a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Decision {
    pub(crate) difference: Difference,
    /// The side that it was on.
    pub(crate) side: Contract,
    /// Another side is known to answer this request otherwise.
    pub(crate) otherwise: bool,
}

/// The decisions of one request, as bits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DecisionSet {
    asked: u32,
    otherwise: u32,
    /// The differences that followed each contract but [`Contract::Documented`].
    live: u32,
    live_2026_08: u32,
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
                side: if self.live & bit != 0 {
                    Contract::Live
                } else if self.live_2026_08 & bit != 0 {
                    Contract::Live2026_08
                } else {
                    Contract::Documented
                },
                otherwise: self.otherwise & bit != 0,
            }
        };
        self.differences().map(decision).collect()
    }
}

const _: () = assert!(DIFFERENCES.len() <= 32, "a difference is a bit of a u32");

impl Difference {
    fn bit(self) -> u32 {
        1 << self as u32
    }
}

/// Notes which differences were asked for while a request was answered, and which of them mattered: at each decision
/// point it is asked once, so that nothing is decided twice to find out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace(Option<Arc<Noted>>);

/// One bit for each difference.
#[derive(Debug, Default)]
struct Noted {
    asked: AtomicU32,
    otherwise: AtomicU32,
}

impl Trace {
    /// A trace that notes from now on.
    pub(crate) fn new() -> Self {
        Self(Some(Arc::default()))
    }

    fn note(&self, difference: Difference) {
        if let Some(noted) = &self.0 {
            noted.asked.fetch_or(difference.bit(), Ordering::Relaxed);
        }
    }

    fn note_otherwise(&self, difference: Difference) {
        if let Some(noted) = &self.0 {
            noted
                .otherwise
                .fetch_or(difference.bit(), Ordering::Relaxed);
        }
    }
}

/// Two sets of rules are the same whoever watches them.
impl PartialEq for Trace {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Trace {}

impl Rules {
    /// The side that this difference is on.
    pub fn side(&self, difference: Difference) -> Contract {
        self.trace.note(difference);
        self.peek(difference)
    }

    /// The side, where nothing is decided by it: that it was asked for is not noted.
    pub(crate) fn peek(&self, difference: Difference) -> Contract {
        self.differences
            .get(&difference)
            .copied()
            .unwrap_or(self.contract)
    }

    /// Told at a decision point: whether another side would have answered this request otherwise. Where that cannot be
    /// known without deciding again, nothing is told.
    pub(crate) fn otherwise(&self, difference: Difference, differs: bool) {
        if differs {
            self.trace.note_otherwise(difference);
        }
    }

    /// The decisions so far.
    pub(crate) fn decisions(&self) -> DecisionSet {
        let Some(noted) = &self.trace.0 else {
            return DecisionSet::default();
        };
        let otherwise = noted.otherwise.load(Ordering::Relaxed);
        let mut set = DecisionSet {
            asked: noted.asked.load(Ordering::Relaxed) | otherwise,
            otherwise,
            ..DecisionSet::default()
        };
        for difference in set.differences() {
            match self.peek(difference) {
                Contract::Documented => {}
                Contract::Live => set.live |= difference.bit(),
                Contract::Live2026_08 => set.live_2026_08 |= difference.bit(),
            }
        }
        set
    }

    /// Whether this difference is on the deployed server's side, as last known or as recorded.
    pub fn live(&self, difference: Difference) -> bool {
        self.side(difference) != Contract::Documented
    }

    /// Whether this difference is on the side of the recording. A difference that the documentation does not mention has no
    /// other side that is different.
    pub fn recorded(&self, difference: Difference) -> bool {
        self.side(difference) == Contract::Live2026_08
    }

    /// Whether this difference is on the documentation's side.
    pub fn documented(&self, difference: Difference) -> bool {
        self.side(difference) == Contract::Documented
    }
}

/// One `name=side` pair as `--difference` takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Override {
    /// The difference that is set apart.
    pub difference: Difference,
    /// The side it follows.
    pub side: Contract,
}

impl FromStr for Override {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, side) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not NAME=SIDE, for example scope-shape=live"))?;
        Ok(Self {
            difference: name.trim().parse()?,
            side: side.trim().parse()?,
        })
    }
}

impl<'de> Deserialize<'de> for Override {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_of_each_difference_can_be_read_again() {
        for difference in DIFFERENCES.iter().map(|entry| entry.difference) {
            for side in Contract::ALL {
                let apart = Override { difference, side };
                for text in [
                    format!("{difference}={side}"),
                    format!(" {difference} = {side} "),
                ] {
                    assert_eq!(text.parse(), Ok(apart), "{text}");
                }
                let json = serde_json::to_string(&(difference, side)).unwrap();
                assert_eq!(
                    serde_json::from_str::<(Difference, Contract)>(&json).unwrap(),
                    (difference, side)
                );
            }
        }
    }
}
