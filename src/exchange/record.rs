//! What does the journal keep of an exchange? Who asked for what, and what came of it: copies of what went over the wire,
//! which are taken to pieces when somebody asks. Secrets are kept as they were sent and redacted by whoever shows them:
//! `control/requests.rs`.

use axum::body::{self, Bytes, to_bytes};
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, Uri, Version};
use axum::response::Response;

use super::{Visit, abridge};
use crate::contract::Rules;
use crate::listener::Came;
use crate::protocol::call::{Endpoint, GrantType};
use crate::protocol::client_auth::Credentials;
use crate::protocol::params::Params;
use crate::protocol::time::Timestamp;
use crate::sandbox::faults::SetFault;
use crate::sandbox::journal::{Entry, Folded, Idle};

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

/// What is known before the answer.
pub(super) struct Head {
    after: u64,
    at: Timestamp,
    real: Timestamp,
    connection: Option<u16>,
    method: Method,
    wire: Wire,
    endpoint: Endpoint,
    grant: Option<GrantType>,
}

/// What went over the wire, copied side by side into one piece: what the connection was read into is not kept alive, and a
/// journal that lets an exchange go has little to give back.
struct Wire {
    /// Path, query, telling headers and body.
    bytes: Box<[u8]>,
    path: usize,
    query: Option<usize>,
    headers: [Option<usize>; TELLING.len()],
    body: Body,
}

/// How a body tells its parameters.
enum Body {
    Nothing,
    Form,
    Json,
    /// Of several parts, which cannot be read at once.
    Parts(Params),
}

/// The same, taken apart.
struct Sent {
    path: String,
    query: Option<String>,
    headers: Vec<(&'static str, String)>,
    params: Params,
}

impl Wire {
    fn of(uri: &Uri, visit: &Visit) -> Self {
        let received = &visit.received;
        let (path, query) = (uri.path(), uri.query());
        let headers = telling(&visit.headers);
        let (body, sent): (Body, &[u8]) = if received.params.is_empty() {
            (Body::Nothing, &[])
        } else if received.is_json {
            (Body::Json, &received.bytes)
        } else if received.is_multipart {
            (Body::Parts(received.params.clone()), &[])
        } else {
            (Body::Form, &received.bytes)
        };
        let head = [path.as_bytes(), query.unwrap_or_default().as_bytes()];
        let values = headers.iter().flatten().map(|value| value.as_bytes());
        let pieces: Vec<&[u8]> = head.into_iter().chain(values).chain([sent]).collect();
        Self {
            bytes: pieces.concat().into(),
            path: path.len(),
            query: query.map(str::len),
            headers: headers.map(|value| value.map(HeaderValue::len)),
            body,
        }
    }

    fn apart(self) -> Sent {
        let mut rest = &*self.bytes;
        let mut next = |length| {
            let (next, after) = rest.split_at(length);
            rest = after;
            String::from_utf8_lossy(next).into_owned()
        };
        let path = next(self.path);
        let query = self.query.map(&mut next);
        let headers = TELLING.into_iter().zip(self.headers);
        let headers = headers
            .filter_map(|(name, length)| Some((name, next(length?))))
            .collect();
        let params = match self.body {
            Body::Nothing => Params::none(),
            Body::Form => Params::from_urlencoded(rest),
            Body::Json => Params::from_json(rest),
            Body::Parts(params) => params,
        };
        Sent {
            path,
            query,
            headers,
            params,
        }
    }

    fn len(&self) -> usize {
        match self.body {
            // As good as too large: to be taken to pieces at once.
            Body::Parts(_) => LARGEST,
            Body::Nothing | Body::Form | Body::Json => self.bytes.len(),
        }
    }
}

/// The client that a request says it comes from.
pub(super) fn claimed(parts: &Parts, visit: &Visit) -> Option<String> {
    let authorization = visit.headers.get(AUTHORIZATION);
    let authorization = authorization.and_then(|value| value.to_str().ok());
    let sent = &visit.received.params;
    claimed_by(authorization, sent, || asked(parts.uri.query()))
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

/// The connection on which requests come one after another, as the caller's port: on those of HTTP/2 they come at once.
fn connection(parts: &Parts) -> Option<u16> {
    let peer = Came::of(&parts.extensions)?.peer?;
    (parts.version < Version::HTTP_2).then(|| peer.port())
}

/// The first value of each header that tells something.
fn telling(headers: &HeaderMap) -> [Option<&HeaderValue>; TELLING.len()] {
    let mut told = [None; TELLING.len()];
    for (name, value) in headers {
        if let Some(place) = TELLING.iter().position(|telling| name.as_str() == *telling) {
            told[place].get_or_insert(value);
        }
    }
    told
}

impl Head {
    /// `after` is the newest exchange that was over when this one began.
    pub(super) fn of(parts: &Parts, visit: &Visit, after: u64) -> Self {
        let (at, real) = visit.sandbox.clock.read();
        let query = parts.uri.query();
        let by_query = || {
            let query = query.filter(|query| query.contains("grant_type"));
            asked(query).text("grant_type").map(GrantType::of)
        };
        let by_body = visit.received.params.text("grant_type");
        Self {
            after,
            at,
            real,
            connection: connection(parts),
            method: parts.method.clone(),
            wire: Wire::of(&parts.uri, visit),
            endpoint: Endpoint::of(parts.uri.path()),
            grant: by_body.map(GrantType::of).or_else(by_query),
        }
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
    idle: Option<Idle>,
    extensions: Vec<&'static str>,
}

/// Takes an exchange to pieces.
fn tell(id: u64, head: Head, tail: Tail) -> Entry {
    let sent = head.wire.apart();
    let authorization = sent.headers.iter().find(|(name, _)| *name == AUTHORIZATION);
    let authorization = authorization.map(|(_, value)| value.as_str());
    let asked = asked(sent.query.as_deref());
    let client_id = claimed_by(authorization, &sent.params, || asked.clone());
    let mut params = asked.to_json();
    params.extend(sent.params.to_json());
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
        real: head.real,
        connection: head.connection,
        endpoint: head.endpoint,
        method: abridge::text(head.method.to_string()),
        path: abridge::text(sent.path),
        params: abridge::object(params),
        query: sent.query.map(abridge::text),
        headers: sent.headers.into_iter().map(header).collect(),
        client_id: client_id.or(tail.client),
        user_id: tail.user,
        status: tail.status,
        location: tail.location.as_ref().map(text).map(abridge::text),
        answer: answer.map(abridge::value),
        retry_after: retry_after.and_then(|value| value.to_str().ok()?.parse().ok()),
        differences: tail.rules.decisions(),
        faults: tail.faults,
        idle: tail.idle,
        extensions: tail.extensions,
    }
}

/// How much memory an entry takes, in bytes, as far as whoever asked decides.
fn weight(told: &Entry) -> usize {
    let members = [&told.params, &told.headers].into_iter().flatten();
    let members = members.map(|(name, member)| name.len() + abridge::weight(member));
    let texts = [
        Some(&told.path),
        told.query.as_ref(),
        told.location.as_ref(),
    ];
    let texts = texts.into_iter().flatten().map(String::len);
    members
        .chain(texts)
        .chain(told.answer.as_ref().map(abridge::weight))
        .sum()
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
        idle: noted.idle,
        extensions: noted.extensions,
    };
    let (endpoint, grant) = (head.endpoint, head.grant);
    let is_preflight = head.method == Method::OPTIONS;
    let size = head.wire.len() + tail.answer.as_ref().map_or(0, Bytes::len);
    let (weight, unfold): (_, Box<dyn FnOnce(u64) -> Entry + Send>) = if size < LARGEST {
        (size, Box::new(move |id| tell(id, head, tail)))
    } else {
        let told = tell(0, head, tail);
        (weight(&told), Box::new(move |id| Entry { id, ..told }))
    };
    visit.sandbox.write_down(Folded {
        endpoint,
        grant,
        is_preflight,
        weight,
        unfold,
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
    let body = body::Body::from(bytes.clone());
    (Some(bytes), Response::from_parts(parts, body))
}
