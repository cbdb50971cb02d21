//! The query of the journal, and the view of a request. Secrets are redacted unless the query asks for them.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::filter::{Filter, filter_builder, flatten_filter};
use crate::advice::Explanation;
use crate::contract::{Contract, Decision, Difference};
#[cfg(feature = "mcp")]
use crate::invalid::Invalid;
use crate::model::builder::builder;
use crate::model::user::UserRef;
use crate::protocol::duration::SignedDuration;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;
use crate::protocol::method::HttpMethod;
use crate::protocol::time::Timestamp;
use crate::redact::{redact, redact_text};
use crate::sandbox::faults::Fault;
use crate::sandbox::journal::{Counters, Entry};

/// A query of the journal.
///
/// ```
/// use std::time::Duration;
///
/// use civitai_oauth_mock::control::{Endpoint, RequestQuery};
///
/// // Returns when the app has called twice, or after 5 s.
/// let two = RequestQuery::endpoint(Endpoint::Token).wait(Duration::from_secs(5)).count(2);
/// # let _ = two;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(with = "Keys")
)]
#[serde(from = "Keys")]
pub struct RequestQuery {
    pub(crate) filter: Filter,
    pub(crate) limit: Option<usize>,
    /// Only requests before this id.
    pub(crate) before: Option<u64>,
    pub(crate) unredacted: bool,
    pub(crate) wait: Option<SignedDuration>,
    pub(crate) count: Option<usize>,
    pub(crate) format: RequestFormat,
}

/// The format of a list of requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum RequestFormat {
    #[default]
    Json,
    /// An HTTP archive.
    Har,
}

flatten_filter! {
    Keys for RequestQuery {
        /// At most this many requests, the newest.
        limit: Option<usize>,
        /// Only requests before this id; with a limit, the previous page.
        before: Option<u64>,
        /// Shows secrets instead of redacting them.
        unredacted: bool,
        /// Waits until `count` requests match, for at most this time: up to 60 s.
        wait: Option<SignedDuration>,
        /// The number of requests to wait for; 1 by default.
        count: Option<usize>,
        /// `har` is an HTTP archive (HAR 1.2), which browsers' developer tools import: at most 1,000 requests.
        format: RequestFormat,
    }
}

filter_builder!(RequestQuery, filter);

impl RequestQuery {
    /// Sets the limit to `usual` unless one is given. Errors: the limit is larger than `max`.
    #[cfg(feature = "mcp")]
    pub(crate) fn limit_within(mut self, usual: usize, max: usize) -> Result<Self, Invalid> {
        let limit = *self.limit.get_or_insert(usual);
        if limit > max {
            let message = format!("{limit} is greater than {max}");
            let hint = "request further pages with before";
            return Err(Invalid::new("limit", message).with_hint(hint));
        }
        Ok(self)
    }

    /// The filter alone.
    pub(crate) fn into_filter(self) -> Filter {
        self.filter
    }

    /// Whether the response may have to wait.
    pub(crate) fn waits(&self) -> bool {
        self.wait.is_some()
    }
}

builder! { RequestQuery {
    /// At most `limit` requests, the newest.
    limit(limit: usize) { limit = Some(limit) }
    /// Only requests before this id; with a limit, the previous page.
    before(id: u64) { before = Some(id) }
    /// Shows secrets instead of redacting them.
    unredacted() { unredacted = true }
    /// Waits until [`RequestQuery::count`] requests match, for at most this time (60 s or less).
    wait(wait: Duration) { wait = Some(SignedDuration::from_std(wait)) }
    /// The number of requests to wait for; 1 by default.
    count(count: usize) { count = Some(count) }
} }

/// A list of requests.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct RequestList {
    /// The matching requests, oldest first.
    pub requests: Vec<JournalRequest>,
    /// The number of calls by endpoint and grant since the journal was cleared.
    pub counters: Counters,
    /// The number of requests that were evicted since then because the journal was full.
    pub evicted: u64,
}

/// A request and its response. `Debug` never shows secrets.
#[derive(Clone, PartialEq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "RequestView")
)]
#[non_exhaustive]
pub struct JournalRequest {
    /// The id: counts from 1, and continues when the journal is cleared.
    pub id: u64,
    /// Arrival, by the sandbox's clock.
    pub at: Timestamp,
    /// The method.
    pub method: String,
    /// The path, without query and sandbox prefix.
    pub path: String,
    /// The endpoint of the path.
    pub endpoint: Endpoint,
    /// The `grant_type`, known or not.
    pub grant_type: Option<String>,
    /// The client.
    pub client_id: Option<String>,
    /// The user on whose behalf it was sent.
    pub user: Option<i64>,
    /// The parameters of query and body; of repeated ones, the value in effect.
    pub params: Map<String, Value>,
    /// Selected request headers, by their names in lower case.
    pub headers: Map<String, Value>,
    /// The status of the response; `None` if a fault cut the connection.
    pub status: Option<u16>,
    /// The error code of the response, or of the redirect to the app.
    pub error: Option<String>,
    /// From the arrival of the request to the response, in milliseconds.
    pub duration_ms: u32,
    /// The length of the body of the request, in bytes.
    pub request_bytes: usize,
    /// The length of the body of the response, in bytes; `None` if it was not known when the response began.
    pub response_bytes: Option<u64>,
    /// The `Location` header of the response.
    pub location: Option<String>,
    /// The body of the response, if it is JSON.
    pub response_body: Option<Value>,
    /// The explanation of a refusal.
    pub reason: Option<Explanation>,
    /// The differences that the response depended on, each with its contract.
    pub differences: Vec<DecisionView>,
    /// The ids of the faults that applied.
    pub faults: Vec<u64>,
    /// These faults as they were, for the pages: a fault may have been removed since.
    #[serde(skip)]
    pub(crate) applied_faults: Vec<Fault>,
    /// The extensions of the mock that it used.
    pub extensions: Vec<&'static str>,
}

/// A difference that the response depended on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct DecisionView {
    /// The difference.
    pub name: Difference,
    /// The contract in force for it.
    pub contract: Contract,
    /// Whether the response is known to differ under the other contract.
    pub other_contract_differs: bool,
}

impl JournalRequest {
    /// A text parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name)?.as_str()
    }

    /// A request header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.as_str()
    }

    pub(crate) fn new(entry: Entry, unredacted: bool) -> Self {
        let view = |decision: &Decision| DecisionView {
            name: decision.difference,
            contract: decision.contract,
            other_contract_differs: decision.is_divergent,
        };
        let faults = entry.faults.iter();
        let whole = Self {
            id: entry.id,
            at: entry.at,
            grant_type: entry.grant_type().map(str::to_owned),
            error: entry
                .error()
                .map(str::to_owned)
                .or_else(|| entry.redirect_error()),
            reason: Explanation::new(&entry),
            endpoint: entry.endpoint,
            user: entry.user_id,
            status: (entry.status != 0).then_some(entry.status),
            differences: entry.differences.iter().map(view).collect(),
            faults: faults.clone().map(|fault| fault.id).collect(),
            applied_faults: faults.map(|fault| fault.definition.clone()).collect(),
            duration_ms: entry.duration_ms,
            request_bytes: entry.request_bytes,
            response_bytes: entry.response_bytes,
            method: entry.method,
            path: entry.path,
            client_id: entry.client_id,
            params: entry.params,
            headers: entry.headers,
            location: entry.location,
            response_body: entry.answer,
            extensions: entry.facts.extensions,
        };
        if unredacted { whole } else { whole.redacted() }
    }

    fn redacted(self) -> Self {
        let object = |object: Map<String, Value>| match redact(Value::Object(object)) {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        let text = |text: String| redact_text(&text).into_owned();
        Self {
            // All of these are text from the client.
            method: text(self.method),
            path: text(self.path),
            grant_type: self.grant_type.map(text),
            client_id: self.client_id.map(text),
            params: object(self.params),
            headers: object(self.headers),
            error: self.error.map(text),
            location: self.location.map(text),
            response_body: self.response_body.map(redact),
            ..self
        }
    }
}

impl fmt::Debug for JournalRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = serde_json::to_value(self.clone().redacted()).map_err(|_| fmt::Error)?;
        write!(f, "JournalRequest {shown}")
    }
}
