//! What does the journal keep of an exchange? Who asked for what, and what came of it: copies of what went over the wire,
//! which are taken to pieces when somebody asks. Secrets are kept as they were sent and redacted by whoever shows them:
//! `control/requests.rs`.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method};
use axum::response::Response;

use super::{Received, Visit, abridge};
use crate::contract::Rules;
use crate::protocol::call::{Endpoint, GrantType};
use crate::protocol::client_auth::Credentials;
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;
use crate::sandbox::faults::SetFault;
use crate::sandbox::journal::{Entry, Folded};

/// The headers that tell something about a client.
const TELLING: [&str; 9] = [
    "accept",
    AUTHORIZATION,
    "cf-connecting-ip",
    "content-type",
    "origin",
    "sec-fetch-site",
    "user-agent",
    "x-forwarded-for",
    "x-mock-user",
];

const AUTHORIZATION: &str = "authorization";

/// What is larger than this in all, in bytes, is taken to pieces at once, and only what is left of it is kept.
const LARGEST: usize = 8 * 1024;

/// What is known before the answer. Everything in it is a copy: what the connection was read into is not kept alive.
pub(super) struct Head {
    after: u64,
    at: Timestamp,
    method: Method,
    path: String,
    query: Option<String>,
    headers: Vec<(&'static str, String)>,
    sent: Sent,
    grant: Option<GrantType>,
}

/// The parameters of a body.
enum Sent {
    Nothing,
    Form(Box<[u8]>),
    Json(Box<[u8]>),
    /// Of several parts, which cannot be read at once.
    Parts(Params),
}

impl Sent {
    fn of(received: &Received) -> Self {
        if received.params.is_empty() {
            Self::Nothing
        } else if received.is_json {
            Self::Json((*received.bytes).into())
        } else if received.is_multipart {
            Self::Parts(received.params.clone())
        } else {
            Self::Form((*received.bytes).into())
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Form(bytes) | Self::Json(bytes) => bytes.len(),
            // As good as too large: to be taken to pieces at once.
            Self::Parts(_) => LARGEST,
        }
    }

    fn params(self) -> Params {
        match self {
            Self::Nothing => Params::default(),
            Self::Form(bytes) => Params::from_urlencoded(&bytes),
            Self::Json(bytes) => Params::from_json(&bytes),
            Self::Parts(params) => params,
        }
    }
}

/// The client that a request says it comes from.
pub(super) fn claimed(parts: &Parts, received: &Received) -> Option<String> {
    let authorization = parts.headers.get(AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    claimed_by(authorization, &received.params, || asked(parts.uri.query()))
}

fn claimed_by(
    authorization: Option<&str>,
    sent: &Params,
    asked: impl FnOnce() -> Params,
) -> Option<String> {
    let claimed = Credentials::claimed_client_id(authorization, sent);
    let claimed = claimed.or_else(|| asked().filled("client_id"));
    claimed.map(abridge::text)
}

/// The parameters of a query.
fn asked(query: Option<&str>) -> Params {
    query.map_or_else(Params::default, |query| {
        Params::from_urlencoded(query.as_bytes())
    })
}

fn telling(headers: &HeaderMap) -> Vec<(&'static str, String)> {
    let header = |name| {
        let value = headers.get(name)?;
        Some((name, String::from_utf8_lossy(value.as_bytes()).into_owned()))
    };
    TELLING.into_iter().filter_map(header).collect()
}

impl Head {
    pub(super) fn of(parts: &Parts, visit: &Visit, received: &Received) -> Self {
        let query = parts.uri.query();
        let by_query = || {
            let query = query.filter(|query| query.contains("grant_type"));
            asked(query).text("grant_type").map(GrantType::of)
        };
        let by_body = received.params.text("grant_type").map(GrantType::of);
        Self {
            after: visit.sandbox.journal.newest(),
            at: visit.sandbox.now(),
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: query.map(str::to_owned),
            headers: telling(&parts.headers),
            sent: Sent::of(received),
            grant: by_body.or_else(by_query),
        }
    }

    fn len(&self) -> usize {
        let headers: usize = self.headers.iter().map(|(_, value)| value.len()).sum();
        let query = self.query.as_ref().map_or(0, String::len);
        self.path.len() + query + headers + self.sent.len()
    }
}

/// What is known after it.
struct Tail {
    rules: Rules,
    client: Option<String>,
    user: Option<i64>,
    status: u16,
    location: Option<HeaderValue>,
    retry_after: Option<HeaderValue>,
    answer: Option<Bytes>,
    faults: Vec<SetFault>,
    extensions: Vec<&'static str>,
}

/// Takes an exchange to pieces.
fn tell(id: u64, endpoint: Endpoint, head: Head, tail: Tail) -> Entry {
    let authorization = head.headers.iter().find(|(name, _)| *name == AUTHORIZATION);
    let authorization = authorization.map(|(_, value)| value.as_str());
    let asked = asked(head.query.as_deref());
    let sent = head.sent.params();
    let client_id = claimed_by(authorization, &sent, || asked.clone());
    let mut params = asked.to_json();
    params.extend(sent.to_json());
    let header = |(name, value): (&str, String)| (name.to_owned(), abridge::text(value).into());
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let answer = tail
        .answer
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let retry_after = tail.retry_after.as_ref();
    Entry {
        id,
        after: head.after,
        at: head.at,
        endpoint,
        method: abridge::text(head.method.to_string()),
        path: abridge::text(head.path),
        params: abridge::object(params),
        query: head.query.map(abridge::text),
        headers: head.headers.into_iter().map(header).collect(),
        client_id: client_id.or(tail.client),
        user_id: tail.user,
        status: tail.status,
        location: tail.location.as_ref().map(text).map(abridge::text),
        answer: answer.map(abridge::value),
        retry_after: retry_after.and_then(|value| value.to_str().ok()?.parse().ok()),
        differences: tail.rules.decisions(),
        faults: tail.faults,
        extensions: tail.extensions,
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
    let (answer, response) = whole_json(response, struck).await;
    let noted = visit.notes.read();
    let headers = response.headers();
    let tail = Tail {
        rules: visit.rules.clone(),
        client: noted.client.map(|client| client.0),
        user: noted.user.map(|user| user.0),
        status: if resets {
            0
        } else {
            response.status().as_u16()
        },
        location: headers.get(LOCATION).cloned(),
        retry_after: headers.get(RETRY_AFTER).cloned(),
        answer,
        faults: struck.to_vec(),
        extensions: noted.extensions,
    };
    let endpoint = Endpoint::of(&head.path);
    let (grant, is_preflight) = (head.grant, head.method == Method::OPTIONS);
    let size = head.len() + tail.answer.as_ref().map_or(0, Bytes::len);
    visit.sandbox.write_down(Folded {
        endpoint,
        grant,
        is_preflight,
        unfold: if size < LARGEST {
            Box::new(move |id| tell(id, endpoint, head, tail))
        } else {
            let told = tell(0, endpoint, head, tail);
            Box::new(move |id| Entry { id, ..told })
        },
    });
    response
}

/// The body of a JSON answer, which is kept, and the answer with it. What a fault lets trickle or break is not waited for.
async fn whole_json(response: Response, struck: &[SetFault]) -> (Option<Bytes>, Response) {
    let streams = struck
        .iter()
        .any(|fault| fault.rule.effect.truncate || fault.rule.effect.slow_body);
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| {
        let kind = kind.as_bytes();
        kind.starts_with(b"application/json") || kind.starts_with(b"application/problem+json")
    });
    if !is_json || streams {
        return (None, response);
    }
    let (parts, body) = response.into_parts();
    // Our own answers are whole in memory: reading one cannot fail.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let body = Body::from(bytes.clone());
    (Some(bytes), Response::from_parts(parts, body))
}
