//! The errors of control operations.

use serde::Serialize;
use serde_json::{Value, json};

use crate::invalid::{ErrorView, Invalid, MAKE_ROOM};
use crate::sandbox::journal::Counters;
use crate::store::StoreError;

/// An operation failed. The text names the place, the rule and the fix.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The input is invalid.
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
    /// Too many callers read the journal or spends at the same time.
    #[error(transparent)]
    Busy(Invalid),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The journal differs from the expectations.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct MismatchView {
    #[serde(flatten)]
    error: ErrorView,
    /// The differences, one for each expectation that is not met.
    differences: Vec<String>,
    counters: Counters,
}

impl ControlError {
    /// The error as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let (error, invalid) = match self {
            Self::Invalid(invalid) => ("invalid", invalid),
            Self::NotFound(invalid) => ("not_found", invalid),
            Self::Conflict(invalid) => ("conflict", invalid),
            Self::Busy(invalid) => ("busy", invalid),
            Self::Mismatch {
                differences,
                counters,
            } => {
                let message = differences.join("; ");
                let error = Invalid {
                    message,
                    ..Invalid::default()
                };
                let error = error.with_hint("GET requests lists the requests");
                return json!(MismatchView {
                    error: error.view("mismatch"),
                    differences: differences.clone(),
                    counters: counters.clone(),
                });
            }
            Self::Store(error @ StoreError::Unwritable { .. }) => {
                let invalid = Invalid::new("database", error.to_string());
                return invalid
                    .with_hint(StoreError::SEND_AGAIN)
                    .to_json("unwritable");
            }
            Self::Store(error @ StoreError::TableFull { .. }) => {
                let invalid = Invalid::new("sandbox", error.to_string());
                return invalid.with_hint(MAKE_ROOM).to_json("full");
            }
            Self::Store(_) => return json!({ "error": "server_error" }),
        };
        invalid.to_json(error)
    }
}

pub(crate) type ControlResult<T> = Result<T, ControlError>;
