//! The errors of control operations.

use serde::Serialize;
use serde_json::{Value, json};

use crate::invalid::{ErrorView, Invalid, MAKE_ROOM};
use crate::sandbox::journal::Counters;
use crate::store::StoreError;

/// The error of a control operation.
#[derive(Debug)]
pub(crate) enum ControlError {
    /// The input is invalid.
    Invalid(Invalid),
    /// The path names something that does not exist.
    NotFound(Invalid),
    /// The thing to create exists already.
    Conflict(Invalid),
    /// The journal differs from the expectations.
    Mismatch {
        differences: Vec<String>,
        counters: Counters,
    },
    /// Too many concurrent readers of the journal or of spends.
    Busy(Invalid),
    Store(StoreError),
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
            Self::Store(invalid @ StoreError::Unwritable { .. }) => {
                let invalid = Invalid::new("database", invalid.to_string());
                return invalid
                    .with_hint(StoreError::SEND_AGAIN)
                    .to_json("unwritable");
            }
            Self::Store(invalid @ StoreError::Full { .. }) => {
                let invalid = Invalid::new("sandbox", invalid.to_string());
                return invalid.with_hint(MAKE_ROOM).to_json("full");
            }
            Self::Store(_) => return json!({ "error": "server_error" }),
        };
        invalid.to_json(error)
    }
}

impl From<Invalid> for ControlError {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<StoreError> for ControlError {
    fn from(invalid: StoreError) -> Self {
        Self::Store(invalid)
    }
}

pub(crate) type ControlResult<T> = Result<T, ControlError>;
