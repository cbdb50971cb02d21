//! What does the journal keep of an exchange? Who asked for what, and what came of it. Secrets are kept as they
//! were sent and redacted by whoever shows them: `control/requests.rs`.

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::response::Response;
use serde_json::{Map, Value};

use super::{Received, Visit, abridge};
use crate::protocol::call::Endpoint;
use crate::protocol::client_auth::Credentials;
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;
use crate::sandbox::faults::SetFault;
use crate::sandbox::journal::Entry;

/// The headers that tell something about a client.
const TELLING: [&str; 9] = [
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

/// What is known before the answer.
pub(super) struct Head {
    after: u64,
    at: Timestamp,
    method: String,
    path: String,
    params: Map<String, Value>,
    query: Option<String>,
    headers: Map<String, Value>,
    client_id: Option<String>,
}

impl Head {
    pub(super) fn of(parts: &Parts, visit: &Visit, received: &Received) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let asked = Params::from_urlencoded(query.as_bytes());
        let header = |name: &str| {
            let value = parts.headers.get(name)?;
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            Some((name.to_owned(), abridge::text(value).into()))
        };
        let authorization = parts
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        let client_id = Credentials::claimed_client_id(authorization, &received.params)
            .or_else(|| asked.filled("client_id"));
        let mut params = asked.to_json();
        params.extend(received.params.to_json());
        Self {
            after: visit.sandbox.journal.newest(),
            at: visit.sandbox.now(),
            method: abridge::text(parts.method.to_string()),
            path: abridge::text(parts.uri.path().to_owned()),
            params: abridge::object(params),
            query: parts
                .uri
                .query()
                .map(|query| abridge::text(query.to_owned())),
            headers: TELLING.into_iter().filter_map(header).collect(),
            client_id: client_id.map(abridge::text),
        }
    }

    /// The client that the request says it comes from.
    pub(super) fn claimed(&self) -> Option<String> {
        self.client_id.clone()
    }
}

/// Writes the exchange down and hands the answer on.
pub(super) async fn write(
    visit: &Visit,
    head: Head,
    struck: &[SetFault],
    response: Response,
) -> Response {
    let resets = struck.iter().any(|fault| fault.rule.effect.reset);
    let streams = struck
        .iter()
        .any(|fault| fault.rule.effect.truncate || fault.rule.effect.slow_body);
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"application/json") || kind.starts_with(b"application/problem+json")
    });
    let (answer, response) = if is_json && !streams {
        let (parts, body) = response.into_parts();
        // Our own answers are whole in memory: reading one cannot fail.
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let answer = serde_json::from_slice(&bytes).ok().map(abridge::value);
        (answer, Response::from_parts(parts, Body::from(bytes)))
    } else {
        (None, response)
    };
    let noted = visit.notes.read();
    let status = if resets {
        0
    } else {
        response.status().as_u16()
    };
    let location = response.headers().get(LOCATION);
    let retry_after = response.headers().get(RETRY_AFTER);
    visit.sandbox.write_down(Entry {
        id: 0,
        after: head.after,
        at: head.at,
        endpoint: Endpoint::of(&head.path),
        method: head.method,
        path: head.path,
        params: head.params,
        query: head.query,
        headers: head.headers,
        client_id: head.client_id.or(noted.client.map(|client| client.0)),
        user_id: noted.user.map(|user| user.0),
        status,
        location: location
            .map(|value| abridge::text(String::from_utf8_lossy(value.as_bytes()).into_owned())),
        answer,
        retry_after: retry_after.and_then(|value| value.to_str().ok()?.parse().ok()),
        differences: visit.rules.decisions(),
        faults: struck.iter().map(|fault| fault.id).collect(),
        extensions: noted.extensions,
    });
    response
}
