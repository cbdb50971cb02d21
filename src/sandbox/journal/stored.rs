//! The stored form of an exchange: nearly as it came, and parsed whenever it is read. Most exchanges are never read.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::capture::{Capture, CapturedBody, Facts};
use super::credentials::CredentialEvents;
use super::entry::Entry;
use super::kind::ExchangeKind;
use super::memory_limit::MemoryLimit;
use super::redirect;
use super::stored_head::StoredHead;
use super::text_search::TextNeedle;
use super::truncate::{self, JsonSizeLimit, MAX_STORED_BODY_BYTES};
use crate::protocol::client_auth::Credentials;
use crate::protocol::params::Params;
use crate::sandbox::faults::RecordedFault;
use crate::sandbox::used_bytes::CountedBytes;

/// An estimate of the allocator's overhead of one allocation, in bytes.
const ALLOCATION_BYTES: usize = 16;

/// The reference count of an exchange and its place in the ring, in bytes.
const OVERHEAD_BYTES: usize = 48;

/// An exchange as the journal stores it. It holds secrets as they were sent, so `Debug` shows nothing of them.
pub(crate) struct StoredExchange {
    /// Counts from 1.
    pub(crate) id: u64,
    /// Its place in the order of the exchanges of all sandboxes.
    pub(super) sequence: u64,
    /// From the arrival of the request to the response, in milliseconds.
    pub(crate) duration_ms: u32,
    pub(crate) kind: ExchangeKind,
    facts: Facts,
    head: StoredHead,
    /// The client of the access token, or the client that a reduced body named.
    client: Option<Box<str>>,
    body: StoredBody,
    answer: Option<StoredAnswer>,
    charge: CountedBytes,
}

impl Deref for StoredExchange {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.facts
    }
}

enum StoredBody {
    Form(Box<[u8]>),
    Json(Box<[u8]>),
    /// The parameters of a larger body as JSON, truncated.
    Reduced(Box<[u8]>),
}

impl StoredBody {
    fn new(body: CapturedBody<'_>) -> Self {
        let params = match body {
            CapturedBody::Empty => return Self::Form(Box::default()),
            CapturedBody::Form(bytes, _) if bytes.len() <= MAX_STORED_BODY_BYTES => {
                return Self::Form(bytes.into());
            }
            CapturedBody::Json(bytes, _) if bytes.len() <= MAX_STORED_BODY_BYTES => {
                return Self::Json(bytes.into());
            }
            CapturedBody::Form(_, params)
            | CapturedBody::Json(_, params)
            | CapturedBody::Multipart(params) => params,
        };
        let reduced = JsonSizeLimit::default().params(params);
        Self::Reduced(Value::Object(reduced).to_string().into_bytes().into())
    }

    fn bytes(&self) -> &[u8] {
        let (Self::Form(bytes) | Self::Json(bytes) | Self::Reduced(bytes)) = self;
        bytes
    }

    fn params(&self) -> Params {
        match self {
            Self::Form(bytes) => Params::from_urlencoded(bytes),
            Self::Json(bytes) | Self::Reduced(bytes) => Params::from_json(bytes),
        }
    }
}

/// The answer, which is JSON.
struct StoredAnswer {
    json: Box<[u8]>,
    is_reduced: bool,
}

impl StoredAnswer {
    /// None if a long answer is not JSON.
    fn new(answer: &[u8]) -> Option<Self> {
        if answer.len() <= MAX_STORED_BODY_BYTES {
            return Some(Self {
                json: answer.into(),
                is_reduced: false,
            });
        }
        let whole: Value = serde_json::from_slice(answer).ok()?;
        let reduced = JsonSizeLimit::default().value(&whole);
        Some(Self {
            json: reduced.to_string().into_bytes().into(),
            is_reduced: true,
        })
    }

    fn value(&self) -> Option<Value> {
        let answer: Value = serde_json::from_slice(&self.json).ok()?;
        Some(if self.is_reduced {
            answer
        } else {
            JsonSizeLimit::default().value(&answer)
        })
    }
}

fn short(text: &str) -> Box<str> {
    truncate::text(text).into()
}

/// The client that a request claims to come from.
fn claimed_client(
    authorization: Option<&str>,
    query: Option<&str>,
    body: &Params,
) -> Option<String> {
    let query = query.map(str::as_bytes);
    let claimed = Credentials::claimed_by_request(authorization, body, query)?;
    Some(truncate::cut_again(&claimed).into_owned())
}

/// Whether the error is `authorization_pending`, which is no refusal: the device polls again (RFC 8628 §3.5).
fn is_pending(capture: &Capture<'_>) -> bool {
    const PENDING: &[u8] = b"\"authorization_pending\"";
    let answer = capture.answer.filter(|_| capture.facts.status == 400);
    answer.is_some_and(|answer| answer.windows(PENDING.len()).any(|part| part == PENDING))
}

impl StoredExchange {
    /// Copies what went over the wire, so that no buffer of a connection stays alive. A small request is not parsed for it.
    pub(super) fn new(capture: Capture<'_>, limit: &MemoryLimit) -> Self {
        let body = StoredBody::new(capture.body);
        let claimed = match (&body, capture.body.params()) {
            // Truncation may have omitted it.
            (StoredBody::Reduced(_), Some(params)) => {
                let authorization = capture.header("authorization").map(String::from_utf8_lossy);
                claimed_client(authorization.as_deref(), capture.query, params)
            }
            _ => None,
        };
        let accept = capture.header("accept").map(String::from_utf8_lossy);
        let kind = ExchangeKind::new(
            &capture.facts,
            capture.path,
            accept.as_deref(),
            is_pending(&capture),
            redirect::has_error(capture.facts.endpoint, capture.location),
        );
        let mut exchange = Self {
            id: 0,
            sequence: 0,
            duration_ms: 0,
            kind,
            head: StoredHead::new(&capture),
            facts: capture.facts,
            client: claimed.as_deref().or(capture.token_client).map(short),
            body,
            answer: capture.answer.and_then(StoredAnswer::new),
            charge: limit.charge(0),
        };
        exchange.charge.add(exchange.measure());
        exchange
    }

    /// The memory that it occupies, as an estimate.
    fn measure(&self) -> usize {
        let texts = [Some(self.head.text()), self.client.as_deref()];
        let answer = self.answer.as_ref().map(|answer| answer.json.len());
        let allocations = texts
            .into_iter()
            .flatten()
            .map(str::len)
            .chain([self.body.bytes().len()])
            .chain(answer);
        let facts = &self.facts;
        size_of::<Self>()
            + OVERHEAD_BYTES
            + allocations.map(|bytes| ALLOCATION_BYTES + bytes).sum::<usize>()
            + facts.extensions.capacity() * size_of::<&str>()
            // Once here, and once in the list of the journal.
            + 2 * facts.credential_events.len() * CredentialEvents::EVENT_BYTES
            + facts.cause.as_ref().map_or(0, |cause| cause.size_in_bytes())
            + facts.faults.capacity() * size_of::<Arc<RecordedFault>>()
            // Whole in each exchange that refers to it: it may be the last one that does.
            + facts.faults.iter().map(|fault| fault.size_in_bytes()).sum::<usize>()
    }

    /// Whether the path, a parameter or the response contains a text.
    pub(crate) fn contains(&self, needle: &TextNeedle) -> bool {
        let parts = [
            StoredHead::METHOD,
            StoredHead::PATH,
            StoredHead::QUERY,
            StoredHead::LOCATION,
        ];
        let mut texts = parts.into_iter().filter_map(|name| self.head.get(name));
        texts.any(|text| needle.is_in(text))
            || needle.is_in_bytes(self.body.bytes())
            || (self.answer.as_ref()).is_some_and(|answer| needle.is_in_bytes(&answer.json))
    }

    /// The request as it was sent, unless its body was too long to be stored.
    pub(crate) fn to_request(&self) -> Option<SentRequest<'_>> {
        let body = match &self.body {
            StoredBody::Form(bytes) | StoredBody::Json(bytes) => bytes,
            StoredBody::Reduced(_) => return None,
        };
        Some(SentRequest {
            method: self.method(),
            path: self.path(),
            query: self.head.get(StoredHead::QUERY),
            headers: self.head.headers().collect(),
            body,
        })
    }

    /// The memory that it occupies.
    pub(crate) fn size_in_bytes(&self) -> usize {
        self.charge.bytes()
    }

    pub(crate) fn method(&self) -> &str {
        self.head.get(StoredHead::METHOD).unwrap_or_default()
    }

    pub(crate) fn path(&self) -> &str {
        self.head.get(StoredHead::PATH).unwrap_or_default()
    }

    fn claimed_client(&self, body: &Params) -> Option<String> {
        claimed_client(
            self.head.get("authorization"),
            self.head.get(StoredHead::QUERY),
            body,
        )
    }

    /// The client that the request names, or else the client of its token.
    pub(crate) fn client_id(&self) -> Option<String> {
        self.claimed_client(&self.body.params())
            .or_else(|| self.client.as_deref().map(str::to_owned))
    }

    /// A parameter that a redirect of authorize passes to the app.
    pub(crate) fn redirect_param(&self, name: &str) -> Option<String> {
        let location = self.head.get(StoredHead::LOCATION)?;
        redirect::param(self.facts.endpoint, location, name)
    }

    /// The error code of the answer, if it is an error, or that of a redirect to the app.
    pub(crate) fn error(&self) -> Option<String> {
        self.answer_error().or_else(|| self.redirect_param("error"))
    }

    fn answer_error(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Answer {
            error: String,
        }
        let answer: Answer = serde_json::from_slice(&self.answer.as_ref()?.json).ok()?;
        Some(truncate::text(&answer.error).into_owned())
    }

    /// The parameters of query and body; the body's take precedence.
    fn params(&self, body: &Params) -> Map<String, Value> {
        let query = self.head.get(StoredHead::QUERY).unwrap_or_default();
        let mut params = Params::from_urlencoded(query.as_bytes()).to_json();
        params.extend(body.to_json());
        match self.body {
            StoredBody::Reduced(_) => params,
            StoredBody::Form(_) | StoredBody::Json(_) => JsonSizeLimit::default().object(&params),
        }
    }

    /// Parses it. Nothing of the result stays here.
    pub(crate) fn to_entry(&self) -> Entry {
        let body = self.body.params();
        let headers = self.head.headers();
        let headers = headers.map(|(name, value)| (name.to_owned(), value.into()));
        let owned = |text: &Option<Box<str>>| text.as_deref().map(str::to_owned);
        Entry {
            id: self.id,
            facts: self.facts.clone(),
            method: self.method().to_owned(),
            path: self.path().to_owned(),
            params: self.params(&body),
            query: self.head.get(StoredHead::QUERY).map(str::to_owned),
            headers: headers.collect(),
            client_id: self.claimed_client(&body).or_else(|| owned(&self.client)),
            location: self.head.get(StoredHead::LOCATION).map(str::to_owned),
            answer: self.answer.as_ref().and_then(StoredAnswer::value),
            differences: self.decisions.to_vec(),
            duration_ms: self.duration_ms,
        }
    }
}

/// A request as it was sent. It holds secrets.
pub(crate) struct SentRequest<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    pub(crate) body: &'a [u8],
}

impl fmt::Debug for StoredExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredExchange")
            .field("id", &self.id)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}
