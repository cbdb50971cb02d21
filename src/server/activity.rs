//! Open requests and unread answers of one connection, and when it has been idle or stalled for too long.
//!
//! hyper bounds the time between two requests for HTTP/1 only. For HTTP/2, the connection counts its open requests
//! itself, and it limits how much memory the answers take that the client has not read.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use axum::http::Extensions;
use axum::response::Response;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::socket::Came;
use crate::server::response_body::Answer;

/// Requests that one HTTP/2 connection may run at the same time (RFC 9113 §6.5.2 recommends at least 100). A request
/// that the client has reset but that still runs counts.
pub(crate) const MAX_STREAMS: u32 = 100;

/// While the unread answers of an HTTP/2 connection take this many bytes, its next request waits.
const MAX_UNREAD_BYTES: usize = 8 * 1024 * 1024;

/// Time that a client has to take note of the end of its connection.
const CLOSING_TIMEOUT: Duration = Duration::from_millis(500);

/// A longer timeout would be beyond what an instant can tell.
const LONGEST_TIMEOUT: Duration = Duration::from_hours(24 * 365);

/// Timeouts of one connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// Until the first request, and between two requests.
    pub(crate) head: Duration,
    /// For the client to take a part of an answer.
    pub(crate) body: Duration,
}

/// Why a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expired {
    /// No request has come.
    NoRequest,
    /// No request is open, and no other has come.
    Idle,
    /// The client takes nothing of an answer that is ready.
    Stalled,
}

/// The machine's time.
#[expect(
    clippy::disallowed_methods,
    reason = "connections are timed by the machine's clock, not by a sandbox's"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// When to look again at whether a connection has expired.
enum Next {
    Expired(Expired),
    At(Instant),
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Unknown,
    Http1,
    Http2,
}

#[derive(Debug)]
struct State {
    protocol: Protocol,
    is_closing: bool,
    /// HTTP/2 only, as is the rest.
    open_requests: usize,
    idle_since: Instant,
    unread_bytes: usize,
    /// When the client last took a part of an answer.
    progress: Instant,
}

/// What one connection is doing.
#[derive(Debug)]
pub(crate) struct Activity {
    timeouts: Timeouts,
    state: Mutex<State>,
    /// One request at a time waits for room and takes its first step.
    turn: Semaphore,
    has_room: Notify,
    running: Arc<Semaphore>,
}

/// The permits of a running HTTP/2 request, of its connection and of the server, in the extensions of the request.
#[derive(Debug, Clone)]
struct RequestPermit(Arc<[OwnedSemaphorePermit; 2]>);

/// What a request holds until it has run to its end, even if its client has hung up: its connection's permit, and its
/// own.
#[derive(Debug)]
pub(crate) struct Permits {
    _connection: Option<Arc<OwnedSemaphorePermit>>,
    _request: Option<Arc<[OwnedSemaphorePermit; 2]>>,
}

impl Permits {
    /// The permits of the request that has these extensions.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let request = extensions.get::<RequestPermit>();
        Self {
            _connection: Came::of(extensions).and_then(|came| came.permit.clone()),
            _request: request.map(|permit| Arc::clone(&permit.0)),
        }
    }
}

impl Activity {
    pub(crate) fn new(timeouts: Timeouts) -> Arc<Self> {
        let now = now();
        let timeouts = Timeouts {
            head: timeouts.head.min(LONGEST_TIMEOUT),
            body: timeouts.body.min(LONGEST_TIMEOUT),
        };
        Arc::new(Self {
            timeouts,
            state: Mutex::new(State {
                protocol: Protocol::Unknown,
                is_closing: false,
                open_requests: 0,
                idle_since: now,
                unread_bytes: 0,
                progress: now,
            }),
            turn: Semaphore::new(1),
            has_room: Notify::new(),
            running: Arc::new(Semaphore::new(MAX_STREAMS as usize)),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come by HTTP/1, whose further requests hyper times.
    pub(crate) fn note_http1(&self) {
        self.state().protocol = Protocol::Http1;
    }

    /// From now on the connection is closed as soon as no request is open.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.is_closing = true;
        state.idle_since = now();
    }

    /// A request has come by HTTP/2.
    pub(crate) fn open(self: &Arc<Self>) -> OpenRequest {
        let mut state = self.state();
        state.protocol = Protocol::Http2;
        state.open_requests += 1;
        OpenRequest {
            activity: Arc::clone(self),
            unread_bytes: 0,
        }
    }

    /// Waits until the connection is to be closed, and returns the reason.
    pub(crate) async fn expired(&self) -> Expired {
        loop {
            let now = now();
            let next = match self.next_check(now) {
                Next::Expired(expired) => return expired,
                Next::At(next) => next,
                Next::Never => pending().await,
            };
            sleep_until(next).await;
        }
    }

    fn next_check(&self, now: Instant) -> Next {
        let state = self.state();
        let idle = if state.is_closing {
            CLOSING_TIMEOUT
        } else {
            self.timeouts.head
        };
        // What begins after this check does not expire sooner than that.
        let shortest = idle.min(self.timeouts.body);
        let (since, timeout, expired) = match state.protocol {
            Protocol::Http1 => return Next::Never,
            Protocol::Unknown => (state.idle_since, idle, Expired::NoRequest),
            Protocol::Http2 if state.open_requests == 0 => (state.idle_since, idle, Expired::Idle),
            Protocol::Http2 if state.unread_bytes > 0 => {
                (state.progress, self.timeouts.body, Expired::Stalled)
            }
            Protocol::Http2 => return Next::At(now + shortest),
        };
        let deadline = since + timeout;
        if deadline <= now {
            Next::Expired(expired)
        } else {
            Next::At(deadline.min(now + shortest))
        }
    }

    /// Waits until the connection may run one more request, which has a place of the server, and notes both on it.
    pub(crate) async fn permit(&self, place: OwnedSemaphorePermit, extensions: &mut Extensions) {
        // The semaphore is never closed.
        if let Ok(permit) = Arc::clone(&self.running).acquire_owned().await {
            extensions.insert(RequestPermit(Arc::new([permit, place])));
        }
    }

    async fn wait_for_room(&self) {
        while self.state().unread_bytes >= MAX_UNREAD_BYTES {
            self.has_room.notified().await;
        }
    }
}

/// A request of an HTTP/2 connection, until its answer has been taken or given up.
#[derive(Debug)]
pub(crate) struct OpenRequest {
    activity: Arc<Activity>,
    unread_bytes: usize,
}

impl OpenRequest {
    /// Runs the request.
    ///
    /// Most handlers have their whole answer after one step. Requests therefore take this step one after another, and
    /// only while there is room for an answer: a hundred requests at once leave one answer beyond the limit, not a
    /// hundred.
    pub(crate) async fn run(self, request: impl Future<Output = Response>) -> Response {
        let activity = Arc::clone(&self.activity);
        let mut request = pin!(request);
        let turn = activity.turn.acquire().await;
        activity.wait_for_room().await;
        let first = poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await;
        let answer = |response: Response| response.map(|body| Answer::new(body, self).into());
        match first {
            // Its bytes are counted before another request has its turn.
            Poll::Ready(response) => answer(response),
            Poll::Pending => {
                drop(turn);
                answer(request.await)
            }
        }
    }

    /// Counts so many bytes of its answer as unread.
    pub(crate) fn set_unread(&mut self, bytes: usize) {
        let mut state = self.activity.state();
        if state.unread_bytes == 0 {
            state.progress = now();
        }
        state.unread_bytes = (state.unread_bytes - self.unread_bytes).saturating_add(bytes);
        self.unread_bytes = bytes;
        let has_room = state.unread_bytes < MAX_UNREAD_BYTES;
        drop(state);
        if has_room {
            self.activity.has_room.notify_one();
        }
    }

    /// The client takes a part of the answer.
    pub(crate) fn note_progress(&self) {
        self.activity.state().progress = now();
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.set_unread(0);
        let mut state = self.activity.state();
        state.open_requests -= 1;
        state.idle_since = now();
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;
    use crate::config::Config;
    use crate::server::accept::Limits;
    use crate::server::limits;

    fn activity() -> Arc<Activity> {
        Activity::new(Timeouts {
            head: Duration::from_secs(30),
            body: Duration::MAX,
        })
    }

    async fn is_pending(future: impl Future) -> bool {
        let mut future = pin!(future);
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[tokio::test]
    async fn request_that_runs_on_holds_its_place_in_the_connection() {
        let activity = activity();
        let limits = Limits::of(&Config::default()).expect("valid limits");
        let place = || limits.http2_request().expect("there is a place");
        let mut running = Vec::new();
        for _ in 0..MAX_STREAMS {
            let mut extensions = Extensions::new();
            activity.permit(place(), &mut extensions).await;
            running.push(Permits::of(&extensions));
        }
        let mut extensions = Extensions::new();
        assert!(is_pending(activity.permit(place(), &mut extensions)).await);
        running.pop();
        assert!(!is_pending(activity.permit(place(), &mut extensions)).await);
    }

    #[tokio::test]
    async fn a_request_that_runs_holds_its_place_in_the_server() {
        let limits = Limits::of(&Config::default()).expect("valid limits");
        let mut places: Vec<_> = std::iter::from_fn(|| limits.http2_request()).collect();
        assert_eq!(places.len(), limits::MAX_HTTP2_REQUESTS);
        let mut extensions = Extensions::new();
        let place = places.pop().expect("one of them");
        activity().permit(place, &mut extensions).await;
        let running = Permits::of(&extensions);
        drop(extensions);
        assert!(limits.http2_request().is_none());
        drop(running);
        assert!(limits.http2_request().is_some());
    }

    #[test]
    fn request_that_runs_on_holds_its_connections_permit() {
        let config = Config {
            max_connections: 1,
            ..Config::default()
        };
        let limits = Limits::of(&config).expect("valid limits");
        let came = Came {
            permit: limits.place().map(Arc::new),
            ..Came::default()
        };
        let mut extensions = Extensions::new();
        extensions.insert(Arc::new(came));
        let running = Permits::of(&extensions);
        drop(extensions);
        assert!(limits.place().is_none());
        drop(running);
        assert!(limits.place().is_some());
    }

    #[tokio::test]
    async fn request_waits_while_too_much_is_unread() {
        let activity = activity();
        let answer = |bytes| async move { Response::new(Body::from(vec![0; bytes])) };
        let first = activity.open().run(answer(MAX_UNREAD_BYTES)).await;
        assert!(is_pending(activity.open().run(answer(1))).await);
        drop(first);
        let small = activity.open().run(answer(1)).await;
        assert!(!is_pending(activity.open().run(answer(1))).await);
        drop(small);
        assert_eq!(activity.state().unread_bytes, 0);
        assert_eq!(activity.state().open_requests, 0);
    }

    #[test]
    fn connection_expires_by_what_is_open_on_it() {
        let activity = Activity::new(Timeouts {
            head: Duration::from_secs(30),
            body: Duration::from_secs(40),
        });
        let expired = |seconds| match activity.next_check(now() + Duration::from_secs(seconds)) {
            Next::Expired(expired) => Some(expired),
            Next::At(_) | Next::Never => None,
        };
        assert_eq!(expired(29), None);
        assert_eq!(expired(31), Some(Expired::NoRequest));
        let mut request = activity.open();
        assert_eq!(expired(3600), None);
        request.set_unread(10);
        assert_eq!(expired(39), None);
        assert_eq!(expired(41), Some(Expired::Stalled));
        drop(request);
        assert_eq!(expired(29), None);
        assert_eq!(expired(31), Some(Expired::Idle));
        activity.close();
        assert_eq!(expired(1), Some(Expired::Idle));
        activity.note_http1();
        assert_eq!(expired(3600), None);
    }
}
