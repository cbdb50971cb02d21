//! The contracts, and the named differences between them. Pure data:
//! [`ContractRules`](crate::protocol::contract_rules::ContractRules) decides which contract a sandbox follows.

mod contracts;
mod decisions;
mod difference_override;
mod differences;

pub use contracts::Contract;
pub(crate) use decisions::{Decision, DecisionLog, DecisionSet};
pub use difference_override::DifferenceOverride;
pub use differences::{Behavior, DIFFERENCES, Difference, DifferenceInfo, Evidence, OBSERVED};
