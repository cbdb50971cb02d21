//! The error of an operation, as a Rust test reads it.

use crate::control::{ControlError, Counters};
use crate::invalid::Invalid;
use crate::store::StoreError;

/// An operation failed. The text says what, where and how to fix it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MockError {
    /// The input is wrong.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// What was named is not there.
    #[error(transparent)]
    NotFound(Invalid),
    /// What was to be made is there already.
    #[error(transparent)]
    Conflict(Invalid),
    /// The journal is not what was expected.
    #[error("{}", .differences.join("; "))]
    Mismatch {
        /// What differs, one sentence each.
        differences: Vec<String>,
        /// What came.
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
