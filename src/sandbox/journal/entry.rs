//! An exchange parsed from its stored form.

use std::fmt;
use std::ops::Deref;

use serde_json::{Map, Value};

use super::capture::Facts;
use super::redirect;
use crate::contract::Decision;

/// A parsed exchange. It has secrets as they were sent: it is redacted before it is shown, and `Debug` omits them.
pub(crate) struct Entry {
    /// Counts from 1, and is not reset by a clearing.
    pub(crate) id: u64,
    pub(crate) facts: Facts,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) params: Map<String, Value>,
    /// The query as it was sent.
    pub(crate) query: Option<String>,
    pub(crate) headers: Map<String, Value>,
    pub(crate) client_id: Option<String>,
    pub(crate) location: Option<String>,
    /// The body, if it is JSON.
    pub(crate) answer: Option<Value>,
    /// The differences that decided something.
    pub(crate) differences: Vec<Decision>,
    /// From the arrival of the request to the response, in milliseconds.
    pub(crate) duration_ms: u32,
}

impl Deref for Entry {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("id", &self.id)
            .field("endpoint", &self.endpoint)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

impl Entry {
    /// The grant of a token request.
    pub(crate) fn grant_type(&self) -> Option<&str> {
        self.params.get("grant_type").and_then(Value::as_str)
    }

    /// The error code that a redirect of authorize passes to the app.
    pub(crate) fn redirect_error(&self) -> Option<String> {
        redirect::param(self.endpoint, self.location.as_deref()?, "error")
    }

    /// The error code of the answer, if it is an error.
    pub(crate) fn error(&self) -> Option<&str> {
        self.answer.as_ref()?.get("error")?.as_str()
    }
}
