//! HTTP/1 request bodies that were not read completely. Many clients read no response before they have sent their whole
//! body, and closing a socket with unread bytes resets it, which loses the response.
//!
//! The rest of such a body is read and discarded, up to a limit. The connection of a longer body is closed slowly
//! (`socket.rs`).

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Bytes, HttpBody};
use axum::http::header::{CONNECTION, EXPECT};
use axum::http::{HeaderValue, Request, Version};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;

/// A body is drained up to this size: twice the longest body that any endpoint reads.
const MAX_DRAINED_BYTES: u64 = 1024 * 1024;

/// A body that is drained if its reader drops it.
#[derive(Debug)]
pub(crate) struct DrainOnDrop<B>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    /// None once it has ended or failed.
    body: Option<B>,
    timeout: Duration,
    state: Option<DrainState>,
}

/// Whether the body of an HTTP/1 request is drained, and whether its client has sent it.
#[derive(Debug, Clone)]
pub(crate) struct DrainState {
    /// Whether a reader has polled the body: a client that expects a 100 sends it only then.
    was_polled: Arc<AtomicBool>,
    expects_continue: bool,
    is_long: bool,
}

impl DrainState {
    /// None for HTTP/2, where resetting a stream after its response does not lose the response.
    pub(crate) fn new<B: HttpBody>(request: &Request<B>) -> Option<Self> {
        let body = request.body();
        if request.version() == Version::HTTP_2 || body.is_end_stream() {
            return None;
        }
        Some(Self {
            was_polled: Arc::default(),
            expects_continue: request.headers().contains_key(EXPECT),
            is_long: body.size_hint().lower() > MAX_DRAINED_BYTES,
        })
    }

    fn is_sent(&self) -> bool {
        !self.expects_continue || self.was_polled.load(Ordering::Relaxed)
    }

    /// The response, with `Connection: close` if the body will not be drained.
    pub(crate) fn close_if_undrained(&self, mut response: Response) -> Response {
        if self.is_long || !self.is_sent() {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        response
    }
}

impl<B> DrainOnDrop<B>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    pub(crate) fn new(body: B, timeout: Duration, state: Option<DrainState>) -> Self {
        Self {
            body: Some(body),
            timeout,
            state,
        }
    }
}

impl<B> HttpBody for DrainOnDrop<B>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Some(state) = &self.state {
            state.was_polled.store(true, Ordering::Relaxed);
        }
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let ended = || SizeHint::with_exact(0);
        self.body.as_ref().map_or_else(ended, HttpBody::size_hint)
    }
}

impl<B> Drop for DrainOnDrop<B>
where
    B: HttpBody<Data = Bytes> + Unpin + Send + 'static,
{
    fn drop(&mut self) {
        let is_sent = self.state.as_ref().is_some_and(DrainState::is_sent);
        let body = self.body.take().filter(|body| !body.is_end_stream());
        if let Some(body) = body.filter(|_| is_sent)
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(tokio::time::timeout(self.timeout, drain(body)));
        }
    }
}

/// Reads the body up to the limit.
async fn drain<B: HttpBody<Data = Bytes> + Unpin>(mut body: B) {
    let mut remaining = MAX_DRAINED_BYTES;
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let Some(Ok(frame)) = next.await else {
            return;
        };
        let size = frame.data_ref().map_or(0, Bytes::len) as u64;
        let Some(rest) = remaining.checked_sub(size) else {
            return;
        };
        remaining = rest;
    }
}
