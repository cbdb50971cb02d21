//! The errors of control operations.

use serde_json::{Value, json};

use crate::http::respond::MAKE_ROOM;
use crate::invalid::Invalid;
use crate::sandbox::journal::Counters;
use crate::store::StoreError;

/// Why a control call was not carried out.
#[derive(Debug)]
pub(crate) enum ControlError {
    /// The input is wrong.
    Invalid(Invalid),
    /// What the path names is not there.
    NotFound(Invalid),
    /// What is to be made is there already.
    Conflict(Invalid),
    /// The journal is not what was expected.
    Mismatch {
        differences: Vec<String>,
        counters: Counters,
    },
    /// Too many callers read the journal, or the spends of many apps.
    Busy(Invalid),
    Store(StoreError),
}

impl ControlError {
    /// As the doors show it.
    pub(crate) fn to_json(&self) -> Value {
        let (error, why) = match self {
            Self::Invalid(why) => ("invalid", why),
            Self::NotFound(why) => ("not_found", why),
            Self::Conflict(why) => ("conflict", why),
            Self::Busy(why) => ("busy", why),
            Self::Mismatch {
                differences,
                counters,
            } => {
                return json!({
                    "error": "mismatch",
                    "message": differences.join("; "),
                    "path": "",
                    "hint": "GET requests shows what came",
                    "differences": differences,
                    "counters": counters,
                });
            }
            Self::Store(why @ StoreError::Unwritable { .. }) => {
                let why = Invalid::new("database", why.to_string());
                return why.with_hint(StoreError::SEND_AGAIN).to_json("unwritable");
            }
            Self::Store(why @ StoreError::Full { .. }) => {
                let why = Invalid::new("sandbox", why.to_string());
                return why.with_hint(MAKE_ROOM).to_json("full");
            }
            Self::Store(_) => return json!({ "error": "server_error" }),
        };
        why.to_json(error)
    }
}

impl From<Invalid> for ControlError {
    fn from(why: Invalid) -> Self {
        Self::Invalid(why)
    }
}

impl From<StoreError> for ControlError {
    fn from(why: StoreError) -> Self {
        Self::Store(why)
    }
}

pub(crate) type ControlResult<T> = Result<T, ControlError>;
