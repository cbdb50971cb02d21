//! The parts of an exchange that the journal stores, as they came over the wire.

use std::sync::Arc;

use super::credentials::CredentialEvent;
use crate::contract::DecisionSet;
use crate::model::refusal_cause::RefusalCause;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;
use crate::sandbox::faults::RecordedFault;

/// The request headers that are stored.
pub(crate) const STORED_HEADERS: [&str; 9] = [
    "accept",
    "authorization",
    "cf-connecting-ip",
    "content-type",
    "origin",
    "sec-fetch-site",
    "user-agent",
    "x-forwarded-for",
    "x-mock-user",
];

/// The facts about an exchange that need no parsing.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// The newest exchange that had ended when this one began.
    pub(crate) last_completed_id: u64,
    /// The sandbox's time.
    pub(crate) at: Timestamp,
    /// The system's time, which no control call moves or stops.
    pub(crate) system_time: Timestamp,
    /// The connection, if requests come on it one after another.
    pub(crate) connection: Option<u16>,
    pub(crate) endpoint: Endpoint,
    pub(crate) grant: Option<GrantType>,
    pub(crate) is_preflight: bool,
    pub(crate) user_id: Option<i64>,
    /// 0 if a fault cut the connection.
    pub(crate) status: u16,
    /// How long the answer asks the app to wait, in seconds.
    pub(crate) retry_after: Option<u32>,
    pub(crate) decisions: DecisionSet,
    /// The faults that applied to it.
    pub(crate) faults: Vec<Arc<RecordedFault>>,
    /// The reason if a successful revocation had no effect.
    pub(crate) revoke_noop: Option<RevokeNoop>,
    /// The cause of a refusal, if the handler knows more than its response says.
    pub(crate) cause: Option<Box<RefusalCause>>,
    /// What the request did with which credential.
    pub(crate) credential_events: Vec<CredentialEvent>,
    /// Our extensions that it relied on.
    pub(crate) extensions: Vec<&'static str>,
    /// The length of the body that was received.
    pub(crate) request_bytes: usize,
    /// The length of the body of the response; None if it is not known when the response begins.
    pub(crate) response_bytes: Option<u64>,
}

impl Facts {
    /// The facts of a request that is not answered yet.
    pub(crate) fn new(
        last_completed_id: u64,
        (at, system_time): (Timestamp, Timestamp),
        endpoint: Endpoint,
    ) -> Self {
        Self {
            last_completed_id,
            at,
            system_time,
            connection: None,
            endpoint,
            grant: None,
            is_preflight: false,
            user_id: None,
            status: 0,
            retry_after: None,
            decisions: DecisionSet::default(),
            faults: Vec::new(),
            revoke_noop: None,
            cause: None,
            credential_events: Vec::new(),
            extensions: Vec::new(),
            request_bytes: 0,
            response_bytes: None,
        }
    }
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

/// The body of a request.
#[derive(Clone, Copy)]
pub(crate) enum CapturedBody<'a> {
    /// None, or one without parameters.
    Empty,
    Form(&'a [u8], &'a Params),
    Json(&'a [u8], &'a Params),
    Multipart(&'a Params),
}

impl<'a> CapturedBody<'a> {
    pub(super) fn params(self) -> Option<&'a Params> {
        match self {
            Self::Empty => None,
            Self::Form(_, params) | Self::Json(_, params) | Self::Multipart(params) => Some(params),
        }
    }
}

/// An exchange as it went over the wire.
pub(crate) struct Capture<'a> {
    pub(crate) facts: Facts,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    /// In the order of [`STORED_HEADERS`].
    pub(crate) headers: [Option<&'a [u8]>; STORED_HEADERS.len()],
    /// The client whose access token was presented.
    pub(crate) token_client: Option<&'a str>,
    pub(crate) location: Option<&'a [u8]>,
    pub(crate) body: CapturedBody<'a>,
    /// The answer's body, if it is JSON.
    pub(crate) answer: Option<&'a [u8]>,
}

impl<'a> Capture<'a> {
    /// The value of a stored header, whole.
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let index = STORED_HEADERS.iter().position(|stored| *stored == name)?;
        self.headers[index]
    }
}
