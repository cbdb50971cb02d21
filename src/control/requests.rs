//! The journal by control call: what the app has sent and was answered. The filter is `filter.rs`, expectations are
//! `verify.rs`. Secrets are redacted unless they are asked for.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{ControlError, Outcome};
use super::filter::{Filter, Search, beside_filter, narrowed};
use super::why::Why;
use crate::contract::{Contract, Decision, Difference};
use crate::invalid::Invalid;
use crate::model::user::UserRef;
use crate::protocol::call::{Endpoint, GrantType, Method};
use crate::protocol::duration::Length;
use crate::protocol::time::Moment;
use crate::redact::{redact, redact_text};
use crate::sandbox::Sandbox;
use crate::sandbox::faults::Fault;
use crate::sandbox::journal::{Counters, Entry, ReaderPermit, TooManyReaders};

const LONGEST_WAIT: Length = Length(60_000);

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
    filter: Filter,
    limit: Option<usize>,
    /// Only those before the exchange of this id.
    before: Option<u64>,
    secrets: bool,
    wait: Option<Length>,
    count: Option<usize>,
}

beside_filter! {
    Keys {
        limit: Option<usize>,
        before: Option<u64>,
        secrets: bool,
        wait: Option<Length>,
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

narrowed!(Requests, filter);

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
        self.wait = Some(Length::of(wait));
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
            let why = format!("{limit} is more than {max}");
            let hint = "ask for the rest page by page, with before";
            return Err(Invalid::new("limit", why).with_hint(hint));
        }
        Ok(self)
    }

    /// Whether it may be answered later.
    pub(super) fn waits(&self) -> bool {
        self.wait.is_some()
    }
}

/// What the app has sent and was answered.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Exchanges {
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
    pub why: Option<Why>,
    /// The differences that decided something, and the side that each was on.
    pub differences: Vec<Decided>,
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
pub struct Decided {
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

    fn new(entry: Entry, secrets: bool) -> Self {
        let decided = |one: &Decision| Decided {
            name: one.difference,
            side: one.side,
            otherwise: one.otherwise,
        };
        let faults = entry.faults.iter();
        let whole = Self {
            id: entry.id,
            at: Moment(entry.at),
            grant_type: entry.grant_type().map(str::to_owned),
            error: entry.error().map(str::to_owned),
            why: Why::of(&entry),
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
            path: text(self.path),
            // Something else may have been sent in their place.
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

/// The exchanges that a call of the journal found, by their ids: they are parsed one by one when they are shown.
#[derive(Debug)]
pub(crate) struct Found {
    ids: Vec<u64>,
    secrets: bool,
    /// None if nothing is to be shown.
    permit: Option<ReaderPermit>,
}

/// An answer of at most this many exchanges is whole; a longer one is sent piece by piece.
const MAX_WHOLE: usize = 32;

/// A piece of a long answer has this many exchanges.
const PIECE: usize = 8;

impl From<TooManyReaders> for ControlError {
    fn from(_: TooManyReaders) -> Self {
        let why = Invalid::new("", "too many others read the journal at this moment");
        Self::Busy(why.with_hint("call again in a second, with limit"))
    }
}

impl Sandbox {
    /// The exchanges that match, oldest first, and the counters of all.
    pub(crate) async fn list_requests(&self, asked: Requests) -> Outcome<Exchanges> {
        let found = self.find_requests(asked).await?;
        Ok(self.show_requests(&found))
    }

    /// The same as JSON, of which at most a piece is in memory at once.
    pub(crate) async fn stream_requests(&self, asked: Requests) -> Outcome<JsonPieces> {
        let found = self.find_requests(asked).await?;
        if found.ids.len() <= MAX_WHOLE {
            let whole = serde_json::to_vec(&self.show_requests(&found)).unwrap_or_default();
            return Ok(JsonPieces::Whole(whole));
        }
        let Found { ids, secrets, permit } = found;
        let turn = self.journal.readers().stream().await?;
        drop(permit);
        Ok(JsonPieces::Stream(JsonStream {
            sandbox: self.clone(),
            ids,
            secrets,
            at: 0,
            is_first: true,
            is_done: false,
            _turn: turn,
        }))
    }

    fn show_requests(&self, found: &Found) -> Exchanges {
        let pieces = found.ids.chunks(PIECE);
        let stored = pieces.flat_map(|ids| self.journal.find(ids));
        let shown = stored.map(|exchange| Exchange::new(exchange.to_entry(), found.secrets));
        Exchanges {
            requests: shown.collect(),
            counters: self.journal.counters(),
            dropped: self.journal.dropped().count,
        }
    }

    /// Removes every exchange.
    pub(crate) fn clear_requests(&self) {
        self.if_today(|today| today.journal.clear());
    }

    async fn find_requests(&self, asked: Requests) -> Outcome<Found> {
        let wait = asked.wait.unwrap_or(Length(0));
        if !(Length(0)..=LONGEST_WAIT).contains(&wait) {
            let why = format!("{wait} is not from 0s to {LONGEST_WAIT}");
            return Err(Invalid::new("wait", why)
                .with_hint("ask again to wait for longer")
                .into());
        }
        if let (Some(count), None) = (asked.count, asked.wait) {
            let why = format!("{count} are to be waited for, but for no time");
            return Err(Invalid::new("count", why)
                .with_hint("give wait too, for example wait=5s, or leave count out")
                .into());
        }
        let search = self.search(asked.filter)?;
        if asked.wait.is_some() {
            let count = asked.count.unwrap_or(1);
            self.wait_for(&search, count, wait.to_std()).await?;
        }
        let before = asked.before.unwrap_or(u64::MAX);
        let limit = asked.limit.unwrap_or(usize::MAX);
        let permit = match limit {
            0 => None,
            _ => Some(self.journal.readers().search().await?),
        };
        Ok(Found {
            ids: self.newest_ids(&search, before, limit).await,
            secrets: asked.secrets,
            permit,
        })
    }

    /// The ids of the newest exchanges before `before` that match, at most `limit`, oldest first.
    async fn newest_ids(&self, search: &Search, mut before: u64, limit: usize) -> Vec<u64> {
        let mut ids = Vec::new();
        while ids.len() < limit {
            let page = self.journal.page_before(before);
            let Some(oldest) = page.last() else {
                break;
            };
            let fitting = page.iter().filter(|exchange| search.fits(exchange));
            ids.extend(fitting.take(limit - ids.len()).map(|exchange| exchange.id()));
            before = oldest.id();
            if before <= search.after() {
                break;
            }
            // A long search lets other requests through.
            tokio::task::yield_now().await;
        }
        ids.reverse();
        ids
    }

    /// Waits until this many exchanges match, for at most `wait`. Each exchange is looked at once.
    async fn wait_for(&self, search: &Search, count: usize, wait: Duration) -> Outcome<()> {
        // Watched before it is read: what comes in between wakes this.
        let mut news = self.journal.watch();
        let enough = async {
            let mut permit = Some(self.journal.readers().search().await?);
            let (mut clearings, mut last, mut found) = (self.journal.clearings(), search.after(), 0);
            loop {
                let now = self.journal.clearings();
                if now != clearings {
                    (clearings, last, found) = (now, search.after(), 0);
                }
                while let page = self.journal.page_after(last)
                    && let Some(newest) = page.last()
                {
                    found += page.iter().filter(|exchange| search.fits(exchange)).count();
                    last = newest.id();
                    tokio::task::yield_now().await;
                }
                // Those that wait keep no reader from its turn.
                permit.take();
                if found >= count || news.changed().await.is_err() {
                    return Ok(());
                }
            }
        };
        tokio::select! {
            waited = tokio::time::timeout(wait, enough) => waited.unwrap_or(Ok(())),
            // Nothing will come any more.
            () = self.closed() => Ok(()),
        }
    }
}

/// The answer of `GET /_mock/requests` as JSON.
#[derive(Debug)]
pub(crate) enum JsonPieces {
    Whole(Vec<u8>),
    Stream(JsonStream),
}

/// A long answer, piece by piece. Exchanges that are dropped meanwhile are left out.
#[derive(Debug)]
pub(crate) struct JsonStream {
    sandbox: Sandbox,
    ids: Vec<u64>,
    secrets: bool,
    /// How many ids were sent.
    at: usize,
    is_first: bool,
    is_done: bool,
    _turn: ReaderPermit,
}

impl Iterator for JsonStream {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        if self.is_done {
            return None;
        }
        let mut piece = Vec::new();
        if self.at == 0 {
            piece.extend_from_slice(b"{\"requests\":[");
        }
        let ids = &self.ids[self.at..self.ids.len().min(self.at + PIECE)];
        for exchange in self.sandbox.journal.find(ids) {
            let shown = Exchange::new(exchange.to_entry(), self.secrets);
            if !std::mem::take(&mut self.is_first) {
                piece.push(b',');
            }
            // An exchange is JSON, and memory takes every byte.
            let _ = serde_json::to_writer(&mut piece, &shown);
        }
        self.at += ids.len();
        if self.at == self.ids.len() {
            self.is_done = true;
            let counters = serde_json::to_string(&self.sandbox.journal.counters());
            let dropped = self.sandbox.journal.dropped().count;
            let end = format!(
                "],\"counters\":{},\"dropped\":{dropped}}}",
                counters.unwrap_or_default()
            );
            piece.extend_from_slice(end.as_bytes());
        }
        Some(piece)
    }
}
