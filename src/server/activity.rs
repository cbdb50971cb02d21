//! Open requests and unread responses of one connection, and when it has been idle or stalled for too long.
//!
//! hyper bounds the time between two requests for HTTP/1 only. For HTTP/2, the connection counts its open requests
//! itself, and it limits the memory of responses that the client has not read.

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Extensions;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use crate::http::connection::RequestPermits;

/// Requests that one HTTP/2 connection may run at the same time (RFC 9113 §6.5.2 recommends at least 100). A request
/// that the client has reset but that still runs counts.
pub(super) const MAX_STREAMS: u32 = 100;

/// While the unread responses of an HTTP/2 connection take this many bytes, its next request waits.
pub(super) const MAX_UNREAD_BYTES: usize = 8 * 1024 * 1024;

/// Time for a client to notice the end of its connection.
const CLOSING_TIMEOUT: Duration = Duration::from_millis(500);

/// Upper bound for timeouts, to avoid an overflow of `Instant`.
const MAX_TIMEOUT: Duration = Duration::from_hours(24 * 365);

/// Timeouts of one connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timeouts {
    /// Until the first request, and between two requests.
    pub(super) head: Duration,
    /// For the client to read a part of a response.
    pub(super) body: Duration,
}

/// The reason that a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// No request has arrived.
    NoRequest,
    /// No request is open, and no other has arrived.
    Idle,
    /// The client reads nothing of a response that is ready.
    Stalled,
}

/// The system's monotonic time.
#[expect(
    clippy::disallowed_methods,
    reason = "connections are timed by the machine's clock, not by a sandbox's"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

/// When to check again whether a connection has expired.
pub(super) enum NextCheck {
    Close(CloseReason),
    At(Instant),
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Unknown,
    Http1,
    Http2,
}

/// The mutable part of [`Activity`].
#[derive(Debug)]
pub(super) struct ActivityState {
    protocol: Protocol,
    is_closing: bool,
    /// Like the fields below, for HTTP/2 only.
    pub(super) open_requests: usize,
    idle_since: Instant,
    pub(super) unread_bytes: usize,
    /// When the client last read a part of a response.
    progress: Instant,
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Activity {
    timeouts: Timeouts,
    state: Mutex<ActivityState>,
    /// One request at a time waits for memory and takes its first step.
    pub(super) first_step: Semaphore,
    has_room: Notify,
    running: Arc<Semaphore>,
}

impl Activity {
    pub(super) fn new(timeouts: Timeouts) -> Arc<Self> {
        let now = now();
        let timeouts = Timeouts {
            head: timeouts.head.min(MAX_TIMEOUT),
            body: timeouts.body.min(MAX_TIMEOUT),
        };
        Arc::new(Self {
            timeouts,
            state: Mutex::new(ActivityState {
                protocol: Protocol::Unknown,
                is_closing: false,
                open_requests: 0,
                idle_since: now,
                unread_bytes: 0,
                progress: now,
            }),
            first_step: Semaphore::new(1),
            has_room: Notify::new(),
            running: Arc::new(Semaphore::new(MAX_STREAMS as usize)),
        })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ActivityState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the first HTTP/1 request. hyper times the following ones.
    pub(super) fn note_http1(&self) {
        self.state().protocol = Protocol::Http1;
    }

    /// From now on, the connection is closed as soon as no request is open.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.is_closing = true;
        state.idle_since = now();
    }

    /// Notes an HTTP/2 request.
    pub(super) fn open(self: &Arc<Self>) -> OpenRequest {
        let mut state = self.state();
        state.protocol = Protocol::Http2;
        state.open_requests += 1;
        OpenRequest {
            activity: Arc::clone(self),
            unread_bytes: 0,
        }
    }

    /// Waits until the connection is to be closed, and returns the reason.
    pub(super) async fn expired(&self) -> CloseReason {
        loop {
            let now = now();
            let next = match self.next_check(now) {
                NextCheck::Close(reason) => return reason,
                NextCheck::At(next) => next,
                NextCheck::Never => pending().await,
            };
            sleep_until(next).await;
        }
    }

    pub(super) fn next_check(&self, now: Instant) -> NextCheck {
        let state = self.state();
        let idle = if state.is_closing {
            CLOSING_TIMEOUT
        } else {
            self.timeouts.head
        };
        // Activity that begins after this check does not expire sooner than that.
        let shortest = idle.min(self.timeouts.body);
        let (since, timeout, reason) = match state.protocol {
            Protocol::Http1 => return NextCheck::Never,
            Protocol::Unknown => (state.idle_since, idle, CloseReason::NoRequest),
            Protocol::Http2 if state.open_requests == 0 => {
                (state.idle_since, idle, CloseReason::Idle)
            }
            Protocol::Http2 if state.unread_bytes > 0 => {
                (state.progress, self.timeouts.body, CloseReason::Stalled)
            }
            Protocol::Http2 => return NextCheck::At(now + shortest),
        };
        let deadline = since + timeout;
        if deadline <= now {
            NextCheck::Close(reason)
        } else {
            NextCheck::At(deadline.min(now + shortest))
        }
    }

    /// Waits until the connection may run another request, which already has a permit of the server, and stores both
    /// permits in its extensions.
    pub(super) async fn permit(
        &self,
        server_permit: OwnedSemaphorePermit,
        extensions: &mut Extensions,
    ) {
        // The semaphore is never closed.
        if let Ok(permit) = Arc::clone(&self.running).acquire_owned().await {
            extensions.insert(RequestPermits::new(permit, server_permit));
        }
    }

    pub(super) async fn wait_for_room(&self) {
        while self.state().unread_bytes >= MAX_UNREAD_BYTES {
            self.has_room.notified().await;
        }
    }
}

/// A request of an HTTP/2 connection, until the client has read its response or the response is dropped.
#[derive(Debug)]
pub(super) struct OpenRequest {
    pub(super) activity: Arc<Activity>,
    unread_bytes: usize,
}

impl OpenRequest {
    /// Sets the number of unread bytes of its response.
    pub(super) fn set_unread(&mut self, bytes: usize) {
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

    /// Notes that the client has read a part of the response.
    pub(super) fn note_progress(&self) {
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
