//! An exchange parsed from its stored form.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::contract::Decision;
use crate::model::refusal_cause::RefusalCause;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::time::Timestamp;
use crate::sandbox::faults::RecordedFault;

/// A parsed exchange. It has secrets as they were sent: it is redacted before it is shown, and `Debug` omits them.
pub(crate) struct Entry {
    /// Counts from 1, and is not reset by a clearing.
    pub(crate) id: u64,
    /// The newest exchange that had ended when this one began.
    pub(crate) last_completed_id: u64,
    /// The sandbox's time.
    pub(crate) at: Timestamp,
    /// The system's time, which no control call moves or stops.
    pub(crate) system_time: Timestamp,
    /// The connection, if requests come on it one after another.
    pub(crate) connection: Option<u16>,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) endpoint: Endpoint,
    pub(crate) params: Map<String, Value>,
    /// The query as it was sent.
    pub(crate) query: Option<String>,
    pub(crate) headers: Map<String, Value>,
    pub(crate) client_id: Option<String>,
    pub(crate) user_id: Option<i64>,
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    /// The body, if it is JSON.
    pub(crate) answer: Option<Value>,
    /// How long the answer asks the app to wait, in seconds.
    pub(crate) retry_after: Option<u32>,
    /// The differences that decided something.
    pub(crate) differences: Vec<Decision>,
    /// The faults that applied to it.
    pub(crate) faults: Vec<Arc<RecordedFault>>,
    /// The reason if a successful revocation had no effect.
    pub(crate) revoke_noop: Option<RevokeNoop>,
    /// The cause of a refusal, if the handler knows more than its response says.
    pub(crate) cause: Option<Box<RefusalCause>>,
    /// From the arrival of the request to the response, in milliseconds.
    pub(crate) duration_ms: u32,
    /// The length of the body that was received.
    pub(crate) request_bytes: usize,
    /// The length of the body of the response, if it was known when the response began.
    pub(crate) response_bytes: Option<u64>,
    /// Our extensions that it relied on.
    pub(crate) extensions: Vec<&'static str>,
}

/// The reason for a revocation of an existing token to have no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RevokeNoop {
    /// The body names no client that is registered.
    NoClient,
    /// A public client and a token that was issued to it, by difference `revoke-by-public-client`.
    PublicClient,
    /// A confidential client without its secret.
    NoSecret,
    /// A confidential client with another secret than its own.
    WrongSecret,
    /// It is not the client's to revoke, by the differences `revoke-by-client` and `revoke-by-public-client`.
    NotTheirs,
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

    /// Whether it is a CORS preflight, which the browser sends and no counter counts.
    pub(crate) fn is_preflight(&self) -> bool {
        self.method == "OPTIONS"
    }

    /// The error code of the answer, if it is an error.
    pub(crate) fn error(&self) -> Option<&str> {
        self.answer.as_ref()?.get("error")?.as_str()
    }
}
