//! The stored form of an exchange: fixed fields and one block of bytes, which is parsed again whenever it is read.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::budget::{Charge, MemoryBudget};
use super::capture::{Capture, CapturedBody, Facts, STORED_HEADERS};
use super::entry::Entry;
use super::truncate::{self, JsonBudget, MAX_BODY_BYTES};
use crate::protocol::client_auth::Credentials;
use crate::protocol::endpoint::Endpoint;
use crate::protocol::grant_type::GrantType;
use crate::protocol::params::Params;
use crate::sandbox::faults::RecordedFault;

/// The place of `authorization` in [`STORED_HEADERS`].
const AUTHORIZATION: usize = 1;

/// Method, path, query, the client of the token, and location.
const TEXTS: usize = 5;

/// An estimate of what the allocator and the reference count add to one exchange: two allocations and a place in the ring.
const OVERHEAD_BYTES: usize = 64;

impl Capture<'_> {
    /// The client that the request claims to come from.
    fn claimed_client(&self) -> Option<String> {
        let authorization = self.headers[AUTHORIZATION].map(lossy);
        let (CapturedBody::Form(_, params)
        | CapturedBody::Json(_, params)
        | CapturedBody::Multipart(params)) = self.body
        else {
            return None;
        };
        let query = self.query.map(str::as_bytes);
        Credentials::claimed_by_request(authorization.as_deref(), params, query)
    }
}

/// An exchange as the journal stores it. It holds secrets as they were sent, so `Debug` shows nothing of them.
pub(crate) struct StoredExchange {
    id: u64,
    sequence: u64,
    facts: Facts,
    layout: Layout,
    /// Texts, headers, body and answer.
    bytes: Box<[u8]>,
    charge: Charge,
}

/// How the block of bytes is divided.
#[derive(Debug, Default)]
struct Layout {
    texts: [Option<u16>; TEXTS],
    headers: [Option<u16>; STORED_HEADERS.len()],
    body: u32,
    body_form: BodyForm,
    answer: Option<u32>,
    is_answer_reduced: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum BodyForm {
    #[default]
    Form,
    Json,
    /// JSON that was truncated when it was stored.
    Reduced,
}

/// The same, taken apart.
struct Parts<'a> {
    texts: [Option<&'a [u8]>; TEXTS],
    headers: [Option<&'a [u8]>; STORED_HEADERS.len()],
    body: &'a [u8],
    answer: Option<&'a [u8]>,
}

impl Parts<'_> {
    fn query_params(&self) -> Params {
        Params::from_urlencoded(self.texts[2].unwrap_or_default())
    }
}

/// The text of what came as bytes.
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

fn short_text(bytes: &[u8]) -> Cow<'_, [u8]> {
    if bytes.len() <= truncate::MAX_TEXT_BYTES {
        return Cow::Borrowed(bytes);
    }
    let text = lossy(bytes);
    Cow::Owned(truncate::text(&text).into_owned().into_bytes())
}

fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

/// A body as it is stored.
fn stored_body(body: CapturedBody<'_>) -> (BodyForm, Cow<'_, [u8]>) {
    let params = match body {
        CapturedBody::Empty => return (BodyForm::Form, Cow::Borrowed(&[])),
        CapturedBody::Form(bytes, _) if bytes.len() <= MAX_BODY_BYTES => {
            return (BodyForm::Form, Cow::Borrowed(bytes));
        }
        CapturedBody::Json(bytes, _) if bytes.len() <= MAX_BODY_BYTES => {
            return (BodyForm::Json, Cow::Borrowed(bytes));
        }
        CapturedBody::Form(_, params)
        | CapturedBody::Json(_, params)
        | CapturedBody::Multipart(params) => params,
    };
    let reduced = JsonBudget::default().params(params);
    let bytes = Value::Object(reduced).to_string().into_bytes();
    (BodyForm::Reduced, Cow::Owned(bytes))
}

/// The answer as it is stored, and whether it was reduced. What is not JSON is left out.
fn stored_answer(answer: &[u8]) -> Option<(Cow<'_, [u8]>, bool)> {
    if answer.len() <= MAX_BODY_BYTES {
        return Some((Cow::Borrowed(answer), false));
    }
    let whole: Value = serde_json::from_slice(answer).ok()?;
    let reduced = JsonBudget::default().value(&whole);
    Some((Cow::Owned(reduced.to_string().into_bytes()), true))
}

/// The client that a request claims to come from.
fn claimed_client(parts: &Parts<'_>, body: &Params) -> Option<String> {
    let authorization = parts.headers[AUTHORIZATION].map(lossy);
    let query = parts.texts[2];
    let claimed = Credentials::claimed_by_request(authorization.as_deref(), body, query)?;
    Some(truncate::cut_again(&claimed).into_owned())
}

impl StoredExchange {
    /// Copies what went over the wire into one block, so that no buffer of a connection stays alive. A small request is not
    /// parsed for it.
    pub(super) fn new(capture: Capture<'_>, budget: &Arc<MemoryBudget>) -> Self {
        let query = capture.query.map(truncate::query);
        let (body_form, body) = stored_body(capture.body);
        let claimed = match body_form {
            BodyForm::Form | BodyForm::Json => None,
            // The name may be among what was left out.
            BodyForm::Reduced => capture.claimed_client(),
        };
        let client = claimed.as_deref().or(capture.token_client);
        let (answer, is_answer_reduced) = match capture.answer.and_then(stored_answer) {
            Some((answer, is_reduced)) => (Some(answer), is_reduced),
            None => (None, false),
        };
        let texts = [
            Some(short_text(capture.method.as_bytes())),
            Some(short_text(capture.path.as_bytes())),
            query.as_ref().map(|query| Cow::Borrowed(query.as_bytes())),
            client.map(|id| short_text(id.as_bytes())),
            capture.location.map(short_text),
        ];
        let headers = capture.headers.map(|value| value.map(short_text));
        let layout = Layout {
            texts: texts.each_ref().map(|text| text.as_deref().map(length)),
            headers: headers.each_ref().map(|value| value.as_deref().map(length)),
            body: u32::try_from(body.len()).unwrap_or(u32::MAX),
            body_form,
            answer: answer
                .as_ref()
                .map(|answer| u32::try_from(answer.len()).unwrap_or(u32::MAX)),
            is_answer_reduced,
        };
        let pieces = texts.iter().chain(&headers).flatten();
        let pieces = pieces.chain([&body]).chain(&answer);
        let pieces: Vec<&[u8]> = pieces.map(|piece| &**piece).collect();
        let bytes: Box<[u8]> = pieces.concat().into();
        let facts = capture.facts;
        let size = size_of::<Self>()
            + OVERHEAD_BYTES
            + bytes.len()
            + facts.extensions.capacity() * size_of::<&str>()
            + facts.faults.capacity() * size_of::<Arc<RecordedFault>>()
            // Whole in each exchange that refers to it: it may be the last one that does.
            + facts.faults.iter().map(|fault| fault.size_in_bytes()).sum::<usize>();
        Self {
            id: 0,
            sequence: 0,
            facts,
            layout,
            bytes,
            charge: Charge::new(budget, size),
        }
    }

    pub(super) fn number(&mut self, id: u64, sequence: u64) {
        self.id = id;
        self.sequence = sequence;
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(super) fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The memory that it occupies.
    pub(crate) fn size_in_bytes(&self) -> usize {
        self.charge.bytes()
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        self.facts.endpoint
    }

    pub(crate) fn grant(&self) -> Option<GrantType> {
        self.facts.grant
    }

    pub(crate) fn is_preflight(&self) -> bool {
        self.facts.is_preflight
    }

    pub(crate) fn status(&self) -> u16 {
        self.facts.status
    }

    pub(crate) fn user_id(&self) -> Option<i64> {
        self.facts.user_id
    }

    pub(crate) fn method(&self) -> Cow<'_, str> {
        lossy(self.parts().texts[0].unwrap_or_default())
    }

    pub(crate) fn path(&self) -> Cow<'_, str> {
        lossy(self.parts().texts[1].unwrap_or_default())
    }

    /// The client that the request names, or else the client of its token.
    pub(crate) fn client_id(&self) -> Option<String> {
        let parts = self.parts();
        let claimed = claimed_client(&parts, &self.body_params(&parts));
        claimed.or_else(|| parts.texts[3].map(|id| lossy(id).into_owned()))
    }

    /// The error code of the answer, if it is an error.
    pub(crate) fn error(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Answer {
            error: String,
        }
        let answer: Answer = serde_json::from_slice(self.parts().answer?).ok()?;
        Some(truncate::text(&answer.error).into_owned())
    }

    fn parts(&self) -> Parts<'_> {
        let mut rest = &*self.bytes;
        let mut next = |length: usize| {
            let (next, after) = rest.split_at(length.min(rest.len()));
            rest = after;
            next
        };
        let layout = &self.layout;
        Parts {
            texts: layout.texts.map(|length| Some(next(length?.into()))),
            headers: layout.headers.map(|length| Some(next(length?.into()))),
            body: next(usize::try_from(layout.body).unwrap_or(usize::MAX)),
            answer: layout
                .answer
                .map(|length| next(usize::try_from(length).unwrap_or(usize::MAX))),
        }
    }

    fn body_params(&self, parts: &Parts<'_>) -> Params {
        match self.layout.body_form {
            BodyForm::Form => Params::from_urlencoded(parts.body),
            BodyForm::Json | BodyForm::Reduced => Params::from_json(parts.body),
        }
    }

    /// Query and body: of what was sent in both, the body counts.
    fn params(&self, parts: &Parts<'_>, query: &Params, body: &Params) -> Map<String, Value> {
        let mut params = query.to_json();
        params.extend(body.to_json());
        let sent = [parts.texts[2].unwrap_or_default(), parts.body];
        if self.layout.body_form == BodyForm::Reduced || truncate::is_small(&sent) {
            return params;
        }
        JsonBudget::default().object(&params)
    }

    fn answer(&self, parts: &Parts<'_>) -> Option<Value> {
        let bytes = parts.answer?;
        let answer: Value = serde_json::from_slice(bytes).ok()?;
        if self.layout.is_answer_reduced || truncate::is_small(&[bytes]) {
            return Some(answer);
        }
        Some(JsonBudget::default().value(&answer))
    }

    /// Parses it. Nothing of the result stays here.
    pub(crate) fn to_entry(&self) -> Entry {
        let parts = self.parts();
        let (query, body) = (parts.query_params(), self.body_params(&parts));
        let text = |bytes: &[u8]| truncate::cut_again(&lossy(bytes)).into_owned();
        let headers = STORED_HEADERS.into_iter().zip(parts.headers);
        let headers =
            headers.filter_map(|(name, value)| Some((name.to_owned(), text(value?).into())));
        let facts = &self.facts;
        let claimed = claimed_client(&parts, &body);
        Entry {
            id: self.id,
            after: facts.after,
            at: facts.at,
            real: facts.real,
            connection: facts.connection,
            endpoint: facts.endpoint,
            method: text(parts.texts[0].unwrap_or_default()),
            path: text(parts.texts[1].unwrap_or_default()),
            params: self.params(&parts, &query, &body),
            query: parts.texts[2].map(|query| lossy(query).into_owned()),
            headers: headers.collect(),
            client_id: claimed.or_else(|| parts.texts[3].map(text)),
            user_id: facts.user_id,
            status: facts.status,
            location: parts.texts[4].map(text),
            answer: self.answer(&parts),
            retry_after: facts.retry_after,
            differences: facts.decisions.to_vec(),
            faults: facts.faults.clone(),
            idle: facts.idle,
            extensions: facts.extensions.clone(),
        }
    }
}

impl fmt::Debug for StoredExchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredExchange")
            .field("id", &self.id)
            .field("facts", &self.facts)
            .finish_non_exhaustive()
    }
}
