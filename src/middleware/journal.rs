//! Capture of an exchange for the journal: the data that was sent and received, and the notes of the handlers. Secrets
//! are stored as sent; `control/requests.rs` redacts them when the journal is read.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{self, Bytes, HttpBody as _, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, Version};
use axum::response::Response;

use crate::http::body::RequestBody;
use crate::http::connection::ConnectionInfo;
use crate::http::context::RequestContext;
use crate::middleware::request_log::{ReasonHeaders, Recorder};
use crate::protocol::client_auth::Credentials;
use crate::protocol::grant_type::GrantType;
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;
use crate::sandbox::faults::ActiveFault;
use crate::sandbox::journal::{Capture, CapturedBody, Facts, STORED_HEADERS, StoredExchange};

/// A larger record is added to the journal before a delay, so that delayed requests hold little memory.
const MAX_PENDING_BYTES: usize = 4096;

/// The part of the record that is known before the response.
pub(crate) struct RequestFacts {
    facts: Facts,
    method: Method,
    uri: Uri,
}

/// The client that a request claims to come from.
pub(crate) fn claimed_client_id(parts: &Parts, context: &RequestContext) -> Option<String> {
    let authorization = context.headers.get(AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let sent = &context.received.params;
    let query = parts.uri.query().map(str::as_bytes);
    Credentials::claimed_by_request(authorization, sent, query)
}

/// The parameters of a query.
fn query_params(query: Option<&str>) -> Params {
    query.map_or_else(Params::none, |query| {
        Params::from_urlencoded(query.as_bytes())
    })
}

/// Identifies a connection with sequential requests by the client's port. None for HTTP/2, whose requests run
/// concurrently.
fn connection(parts: &Parts) -> Option<u16> {
    let peer = ConnectionInfo::from_extensions(&parts.extensions)?.peer?;
    (parts.version < Version::HTTP_2).then(|| peer.port())
}

/// The first value of each header that is stored.
fn stored_headers(headers: &HeaderMap) -> [Option<&[u8]>; STORED_HEADERS.len()] {
    let mut stored = [None; STORED_HEADERS.len()];
    for (name, value) in headers {
        let place = STORED_HEADERS.iter().position(|one| name.as_str() == *one);
        if let Some(place) = place {
            stored[place].get_or_insert(value.as_bytes());
        }
    }
    stored
}

fn captured_body(received: &RequestBody) -> CapturedBody<'_> {
    let (params, bytes) = (&received.params, &*received.bytes);
    if params.is_empty() {
        CapturedBody::Empty
    } else if received.is_json {
        CapturedBody::Json(bytes, params)
    } else if received.is_multipart {
        CapturedBody::Multipart(params)
    } else {
        CapturedBody::Form(bytes, params)
    }
}

impl RequestFacts {
    /// When the request arrived, in system time.
    pub(crate) fn arrived_at(&self) -> Timestamp {
        self.facts.system_time
    }

    /// `last_completed_id` is the newest exchange that was complete when this one began.
    pub(crate) fn new(parts: &Parts, context: &RequestContext, last_completed_id: u64) -> Self {
        let times = context.sandbox.clock.now_and_system();
        let query = parts.uri.query();
        let by_query = || {
            let query = query.filter(|query| query.contains("grant_type"));
            query_params(query)
                .text("grant_type")
                .map(GrantType::from_text)
        };
        let by_body = context.received.params.text("grant_type");
        Self {
            facts: Facts {
                connection: connection(parts),
                grant: by_body.map(GrantType::from_text).or_else(by_query),
                is_preflight: parts.method == Method::OPTIONS,
                ..Facts::new(last_completed_id, times, context.endpoint())
            },
            method: parts.method.clone(),
            uri: parts.uri.clone(),
        }
    }
}

/// An exchange that is not in the journal yet because its response is delayed. It is added on drop: a client that
/// disconnects during the delay has made its request nevertheless.
pub(crate) struct PendingRecord {
    recorder: Recorder,
    record: Option<StoredExchange>,
    /// The headers of the response, once the record is added.
    reason: Option<ReasonHeaders>,
}

impl PendingRecord {
    /// Adds a large record immediately, with the delay in its duration.
    pub(crate) fn new(recorder: Recorder, record: StoredExchange, delay: Duration) -> Self {
        let is_large = record.size_in_bytes() > MAX_PENDING_BYTES;
        let mut pending = Self {
            recorder,
            record: Some(record),
            reason: None,
        };
        if is_large {
            pending.add(delay);
        }
        pending
    }

    /// Adds the record now, and returns the headers of a refusal.
    pub(crate) fn finish(mut self) -> Option<ReasonHeaders> {
        self.add(Duration::ZERO);
        self.reason.take()
    }

    fn add(&mut self, remaining: Duration) {
        if let Some(record) = self.record.take() {
            self.reason = self.recorder.add(record, remaining);
        }
    }
}

impl Drop for PendingRecord {
    fn drop(&mut self) {
        self.add(Duration::ZERO);
    }
}

/// Captures the exchange and returns the response. A body larger than what is stored is read once here and released
/// with the request.
pub(crate) async fn capture(
    context: &RequestContext,
    request: RequestFacts,
    faults: &[Arc<ActiveFault>],
    response: Response,
) -> (StoredExchange, Response) {
    let resets = faults
        .iter()
        .any(|fault| fault.definition.effect.reset_connection);
    let (answer, response) = whole_json(response, faults).await;
    let noted = context.notes.read();
    let headers = response.headers();
    let retry_after = headers.get(RETRY_AFTER);
    let status = response.status().as_u16();
    let facts = Facts {
        user_id: noted.user.map(|user| user.0),
        status: if resets { 0 } else { status },
        retry_after: retry_after.and_then(|value| value.to_str().ok()?.parse().ok()),
        decisions: context.rules.decisions(),
        faults: faults
            .iter()
            .map(|fault| Arc::clone(&fault.recorded))
            .collect(),
        revoke_noop: noted.revoke_noop,
        cause: noted.cause,
        credential_events: noted.credential_events,
        extensions: noted.extensions,
        request_bytes: context.received.bytes.len(),
        response_bytes: response.body().size_hint().exact(),
        ..request.facts
    };
    let record = context.sandbox.journal.store(Capture {
        facts,
        method: request.method.as_str(),
        path: request.uri.path(),
        query: request.uri.query(),
        headers: stored_headers(&context.headers),
        token_client: noted.client.as_ref().map(|client| &*client.0),
        location: headers.get(LOCATION).map(HeaderValue::as_bytes),
        body: captured_body(&context.received),
        answer: answer.as_deref(),
    });
    (record, response)
}

/// The body of a JSON response, which is stored, and the response with it. Does not wait for a response that a fault
/// slows down or truncates.
async fn whole_json(response: Response, faults: &[Arc<ActiveFault>]) -> (Option<Bytes>, Response) {
    let streams = faults
        .iter()
        .any(|fault| fault.definition.effect.truncate_body || fault.definition.effect.slow_body);
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"application/json") || kind.starts_with(b"application/problem+json")
    });
    if !is_json || streams {
        return (None, response);
    }
    let (parts, body) = response.into_parts();
    // Our responses are complete in memory: reading one cannot fail.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let body = body::Body::from(bytes.clone());
    (Some(bytes), Response::from_parts(parts, body))
}
