//! The error of an operation, as a Rust test reads it.

use crate::control::{ControlError, Counters};
use crate::invalid::Invalid;
use crate::store::StoreError;

/// An operation failed. The text names the place, the rule and the fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MockError {
    /// The input is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The named object does not exist.
    #[error(transparent)]
    NotFound(Invalid),
    /// The object to create exists already.
    #[error(transparent)]
    Conflict(Invalid),
    /// The journal differs from the expectations.
    #[error("{}", .differences.join("; "))]
    Mismatch {
        /// The differences, one sentence each.
        differences: Vec<String>,
        /// The numbers of requests.
        counters: Counters,
    },
    /// Too many callers read the journal at the same time.
    #[error(transparent)]
    Busy(Invalid),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ControlError> for MockError {
    fn from(error: ControlError) -> Self {
        match error {
            ControlError::Invalid(error) => Self::Invalid(error),
            ControlError::NotFound(error) => Self::NotFound(error),
            ControlError::Conflict(error) => Self::Conflict(error),
            ControlError::Busy(error) => Self::Busy(error),
            ControlError::Mismatch {
                differences,
                counters,
            } => Self::Mismatch {
                differences,
                counters,
            },
            ControlError::Store(error) => Self::Store(error),
        }
    }
}
