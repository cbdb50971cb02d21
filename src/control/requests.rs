//! What is asked of the journal, and an exchange as it is shown. Secrets are redacted unless they are asked for. The filter
//! is `filter.rs`, the search `listing.rs`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::filter::{Filter, filter_builder, flatten_filter};
use crate::advice::Explanation;
use crate::contract::{Contract, Decision, Difference};
#[cfg(feature = "mcp")]
use crate::invalid::Invalid;
use crate::model::user::UserRef;
use crate::protocol::duration::SignedDuration;
use crate::protocol::endpoint::{Endpoint, GrantType, Method};
use crate::protocol::time::Moment;
use crate::redact::{redact, redact_text};
use crate::sandbox::faults::Fault;
use crate::sandbox::journal::{Counters, Entry};

/// What is asked of the journal.
///
/// ```
/// use std::time::Duration;
///
/// use civitai_oauth_mock::control::{Endpoint, Requests};
///
/// // As soon as the app has called twice, but after 5 s in any case.
/// let two = Requests::endpoint(Endpoint::Token).wait(Duration::from_secs(5)).count(2);
/// # let _ = two;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "Keys")]
pub struct Requests {
    pub(crate) filter: Filter,
    pub(crate) limit: Option<usize>,
    /// Only those before the exchange of this id.
    pub(crate) before: Option<u64>,
    pub(crate) secrets: bool,
    pub(crate) wait: Option<SignedDuration>,
    pub(crate) count: Option<usize>,
}

flatten_filter! {
    Keys {
        limit: Option<usize>,
        before: Option<u64>,
        secrets: bool,
        wait: Option<SignedDuration>,
        count: Option<usize>,
    }
}

impl From<Keys> for Requests {
    fn from(keys: Keys) -> Self {
        Self {
            filter: keys.filter(),
            limit: keys.limit,
            before: keys.before,
            secrets: keys.secrets,
            wait: keys.wait,
            count: keys.count,
        }
    }
}

impl From<Filter> for Requests {
    fn from(filter: Filter) -> Self {
        Self {
            filter,
            ..Self::default()
        }
    }
}

filter_builder!(Requests, filter);

impl Requests {
    /// At most so many, the newest.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Only those before the exchange of this id: with a limit, the page before.
    #[must_use]
    pub fn before(mut self, id: u64) -> Self {
        self.before = Some(id);
        self
    }

    /// Shows what would be redacted.
    #[must_use]
    pub fn secrets(mut self) -> Self {
        self.secrets = true;
        self
    }

    /// Answers once [`Requests::count`] have come, or when this is over: 60 s at the most.
    #[must_use]
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = Some(SignedDuration::from_std(wait));
        self
    }

    /// How many to wait for; without it, one.
    #[must_use]
    pub fn count(mut self, count: usize) -> Self {
        self.count = Some(count);
        self
    }

    /// At most `usual` exchanges unless another limit is given. Errors: it is larger than `max`.
    #[cfg(feature = "mcp")]
    pub(crate) fn limit_within(mut self, usual: usize, max: usize) -> Result<Self, Invalid> {
        let limit = *self.limit.get_or_insert(usual);
        if limit > max {
            let message = format!("{limit} is more than {max}");
            let hint = "ask for the rest page by page, with before";
            return Err(Invalid::new("limit", message).with_hint(hint));
        }
        Ok(self)
    }

    /// Whether it may be answered later.
    pub(crate) fn waits(&self) -> bool {
        self.wait.is_some()
    }
}

/// What the app has sent and was answered.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ExchangeList {
    /// Those that were asked for, oldest first.
    pub requests: Vec<Exchange>,
    /// How often what was asked for, by all that came since the journal was cleared.
    pub counters: Counters,
    /// How many have gone since then, the oldest first, because the journal was full.
    pub dropped: u64,
}

/// A request, and what it was answered. `Debug` shows no secrets even where they were asked for.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Exchange {
    /// Counts from 1, and goes on when the journal is cleared.
    pub id: u64,
    /// When it came, by the sandbox's clock.
    pub at: Moment,
    /// Its method, whatever it was.
    pub method: String,
    /// Its path, without the query and a sandbox's prefix.
    pub path: String,
    /// The endpoint that the path leads to.
    pub endpoint: Endpoint,
    /// The grant that it asked by, whatever it was.
    pub grant_type: Option<String>,
    /// Whom it came from.
    pub client_id: Option<String>,
    /// For whom it acted.
    pub user: Option<i64>,
    /// Query and body; of what was sent twice, what counted.
    pub params: Map<String, Value>,
    /// The headers that tell something about a client, by their names in lower case.
    pub headers: Map<String, Value>,
    /// The status of the answer; none where the connection was cut.
    pub status: Option<u16>,
    /// The error code of the answer.
    pub error: Option<String>,
    /// Where the answer leads.
    pub location: Option<String>,
    /// The answer's body, where it is JSON.
    pub answer: Option<Value>,
    /// Why it was refused, where it was.
    pub why: Option<Explanation>,
    /// The differences that decided something, and the side that each was on.
    pub differences: Vec<DecisionView>,
    /// The faults that touched it, by id.
    pub faults: Vec<u64>,
    /// Their rules, for the pages: a fault may have been removed since.
    #[serde(skip)]
    pub(crate) struck: Vec<Fault>,
    /// Our extensions that it relied on.
    pub extensions: Vec<&'static str>,
}

/// A difference that decided something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DecisionView {
    /// Which.
    pub name: Difference,
    /// The side that it was on.
    pub side: Contract,
    /// The other side is known to answer this request otherwise.
    pub otherwise: bool,
}

impl Exchange {
    /// A parameter that is text.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.get(name)?.as_str()
    }

    /// A header that tells something about a client, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.as_str()
    }

    pub(crate) fn new(entry: Entry, secrets: bool) -> Self {
        let decided = |one: &Decision| DecisionView {
            name: one.difference,
            side: one.side,
            otherwise: one.other_side_differs,
        };
        let faults = entry.faults.iter();
        let whole = Self {
            id: entry.id,
            at: Moment(entry.at),
            grant_type: entry.grant_type().map(str::to_owned),
            error: entry.error().map(str::to_owned),
            why: Explanation::new(&entry),
            endpoint: entry.endpoint,
            user: entry.user_id,
            status: (entry.status != 0).then_some(entry.status),
            differences: entry.differences.iter().map(decided).collect(),
            faults: faults.clone().map(|fault| fault.id).collect(),
            struck: faults.map(|fault| fault.rule.clone()).collect(),
            method: entry.method,
            path: entry.path,
            client_id: entry.client_id,
            params: entry.params,
            headers: entry.headers,
            location: entry.location,
            answer: entry.answer,
            extensions: entry.extensions,
        };
        if secrets { whole } else { whole.redacted() }
    }

    fn redacted(self) -> Self {
        let object = |object: Map<String, Value>| match redact(Value::Object(object)) {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        let text = |text: String| redact_text(&text).into_owned();
        Self {
            // Any of these is the caller's own text.
            method: text(self.method),
            path: text(self.path),
            grant_type: self.grant_type.map(text),
            client_id: self.client_id.map(text),
            params: object(self.params),
            headers: object(self.headers),
            error: self.error.map(text),
            location: self.location.map(text),
            answer: self.answer.map(redact),
            ..self
        }
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = serde_json::to_value(self.clone().redacted()).map_err(|_| fmt::Error)?;
        write!(f, "Exchange {shown}")
    }
}
