//! Limits of connections and requests: time, memory and number. The options are in `config.rs`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::response::{IntoResponse as _, Response};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::activity::MAX_STREAMS;
use crate::config::{Config, DEFAULT_MAX_HEADERS};
use crate::invalid::Invalid;
use crate::server::request_body::BodyMemory;

/// The minimum that the HTTP library supports.
const MIN_HEAD_BYTES: usize = 8 * 1024;

/// h2 resets a stream whose target is longer than 65,534 bytes, without a response. With this limit, it responds with
/// 431.
const MAX_HTTP2_HEAD_BYTES: u32 = 65_535;

/// Bytes of one HTTP/2 response that h2 buffers while the client does not read.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Maximum number of open HTTP/2 requests on all connections together. Each takes about 30 KB although only its head
/// has arrived, and a connection may open [`MAX_STREAMS`] of them.
pub(crate) const MAX_HTTP2_REQUESTS: usize = 2000;

/// A connection that is opened during an overload may still send this many requests at once, since it may outlive the
/// overload.
const MIN_STREAMS: u32 = 10;

/// A client that does not answer an HTTP/2 ping in this time counts as disconnected.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The limits of one server, for all of its listeners.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// For the head of a request, and for the next request to begin.
    pub(crate) head_timeout: Duration,
    /// For the whole body of a request, and for a client to read a part of the response.
    pub(crate) body_timeout: Duration,
    head_bytes: usize,
    pub(crate) max_headers: usize,
    pub(crate) body_memory: BodyMemory,
    connections: Arc<Semaphore>,
    max_connections: usize,
    http2_requests: Arc<Semaphore>,
    /// The body of the 503 for an HTTP/2 request beyond the limit. Prepared, because a flood needs many of them at
    /// once.
    too_many_requests: Bytes,
}

fn too_many_requests() -> String {
    let error = format!("{MAX_HTTP2_REQUESTS} HTTP/2 requests are already in progress");
    let error = Invalid::new("", error).with_hint("send the request again later");
    error.to_json("too_many_requests").to_string()
}

impl Limits {
    /// Errors: a limit that would reject every request.
    pub(crate) fn new(config: &Config) -> Result<Self, Invalid> {
        if config.max_head_bytes < MIN_HEAD_BYTES {
            return Err(Invalid::new(
                "max_head_bytes",
                format!("{} bytes are too few for a request", config.max_head_bytes),
            )
            .with_hint(format!("give {MIN_HEAD_BYTES} or more")));
        }
        for (path, number) in [
            ("max_connections", config.max_connections),
            ("max_headers", config.max_headers),
        ] {
            if number == 0 {
                return Err(
                    Invalid::new(path, "0 would reject every request").with_hint("give 1 or more")
                );
            }
        }
        for (path, length) in [
            ("head_timeout", config.head_timeout),
            ("body_timeout", config.body_timeout),
        ] {
            if length.is_zero() {
                return Err(Invalid::new(path, "0s is not a valid timeout")
                    .with_hint("give a length such as 30s"));
            }
        }
        let max_connections = config.max_connections.min(Semaphore::MAX_PERMITS);
        Ok(Self {
            head_timeout: config.head_timeout,
            body_timeout: config.body_timeout,
            head_bytes: config.max_head_bytes,
            max_headers: config.max_headers,
            body_memory: BodyMemory::default(),
            connections: Arc::new(Semaphore::new(max_connections)),
            max_connections,
            http2_requests: Arc::new(Semaphore::new(MAX_HTTP2_REQUESTS)),
            too_many_requests: too_many_requests().into(),
        })
    }

    /// A permit for another HTTP/2 request, if one is available.
    pub(crate) fn http2_request(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.http2_requests).try_acquire_owned().ok()
    }

    /// 503 for an HTTP/2 request beyond the limit.
    pub(crate) fn too_many_requests(&self) -> Response {
        let headers = [(CONTENT_TYPE, "application/json"), (RETRY_AFTER, "1")];
        let body = self.too_many_requests.clone();
        (StatusCode::SERVICE_UNAVAILABLE, headers, body).into_response()
    }

    /// A permit for another connection, if one is available.
    pub(crate) fn connection(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.connections).try_acquire_owned().ok()
    }

    /// The raw 503 for a connection beyond the limit.
    pub(crate) fn too_many_connections(&self) -> String {
        let error = Invalid::new(
            "",
            format!("{} connections are already open", self.max_connections),
        )
        .with_hint("close some, or raise --max-connections");
        let body = error.to_json("too_many_connections").to_string();
        format!(
            "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
             connection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// Requests that a new HTTP/2 connection may send at once. h2 rejects those beyond in a fraction of the time that a
    /// 503 takes, and clients retry them automatically (`REFUSED_STREAM`).
    fn streams(&self) -> u32 {
        let free = self.http2_requests.available_permits();
        let free = u32::try_from(free).unwrap_or(MAX_STREAMS);
        free.clamp(MIN_STREAMS, MAX_STREAMS)
    }

    /// HTTP/1 and HTTP/2 within these limits.
    pub(crate) fn protocol(&self) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.head_timeout)
            .max_buf_size(self.head_bytes)
            .half_close(true);
        if self.max_headers != DEFAULT_MAX_HEADERS {
            builder.http1().max_headers(self.max_headers);
        }
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(
                u32::try_from(self.head_bytes)
                    .map_or(MAX_HTTP2_HEAD_BYTES, |set| set.min(MAX_HTTP2_HEAD_BYTES)),
            )
            .max_concurrent_streams(self.streams())
            .max_send_buf_size(SEND_BUFFER_BYTES)
            .keep_alive_interval(self.head_timeout)
            .keep_alive_timeout(PING_TIMEOUT);
        builder
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_connections_may_send_as_many_requests_as_there_are_permits() {
        let limits = Limits::new(&Config::default()).expect("valid limits");
        assert_eq!(limits.streams(), MAX_STREAMS);
        let mut permits: Vec<_> = std::iter::from_fn(|| limits.http2_request()).collect();
        assert_eq!(limits.streams(), MIN_STREAMS);
        permits.truncate(MAX_HTTP2_REQUESTS - 50);
        assert_eq!(limits.streams(), 50);
    }
}
