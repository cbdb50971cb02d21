//! Limits of request bodies: each body has a time limit, and all bodies together have a memory limit. A body that
//! exceeds a limit ends with an error, so that its reader can respond.
//!
//! Not the deadline of tower-http, which would also count the time that a body waits for memory.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};
use tokio_util::sync::PollSemaphore;

use crate::http::body_error::{MAX_BODY_MEMORY_BYTES, NoMemory, TooSlow};

/// The beginning of each body that the memory limit does not count, so that ordinary requests always pass.
const UNCOUNTED_BYTES: usize = 16 * 1024;

/// Memory of a frame in addition to its bytes: a client may send a body in chunks of one byte.
const FRAME_BYTES: usize = 64;

/// How long a body waits for memory.
const MAX_MEMORY_WAIT: Duration = Duration::from_secs(5);

/// The memory that the bodies of all requests share.
#[derive(Debug, Clone)]
pub(crate) struct BodyMemory {
    /// In bytes.
    semaphore: Arc<Semaphore>,
    max_wait: Duration,
}

impl Default for BodyMemory {
    fn default() -> Self {
        Self::new(MAX_BODY_MEMORY_BYTES, MAX_MEMORY_WAIT)
    }
}

impl BodyMemory {
    fn new(bytes: usize, max_wait: Duration) -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(bytes)),
            max_wait,
        }
    }
}

/// The body of a request with its limits.
#[derive(Debug)]
pub(crate) struct LimitedBody<B> {
    body: B,
    limit: Duration,
    /// Set when the reader first has to wait: most bodies arrive with their heads.
    alarm: Option<Pin<Box<Sleep>>>,
    memory: MemoryReservation,
    /// A frame that waits for memory.
    waiting: Option<Frame<Bytes>>,
}

/// The memory that one body occupies. Released on drop.
#[derive(Debug)]
struct MemoryReservation {
    memory: PollSemaphore,
    permits: Option<OwnedSemaphorePermit>,
    received: usize,
    /// The memory that the waiting frame needs.
    needed: u32,
    max_wait: Duration,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl MemoryReservation {
    /// Notes a frame that has arrived.
    fn note(&mut self, frame: &Frame<Bytes>) {
        let size = frame.data_ref().map_or(0, Bytes::len) + FRAME_BYTES;
        self.received += size;
        let counted = self.received.saturating_sub(UNCOUNTED_BYTES).min(size);
        self.needed = u32::try_from(counted).unwrap_or(u32::MAX);
    }

    /// Waits until there is memory for the noted frame.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<(), NoMemory>> {
        if self.needed == 0 {
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(permit) = self.memory.poll_acquire_many(context, self.needed) {
            if let Some(permit) = permit {
                match &mut self.permits {
                    Some(permits) => permits.merge(permit),
                    none => *none = Some(permit),
                }
            }
            self.alarm = None;
            return Poll::Ready(Ok(()));
        }
        let max_wait = self.max_wait;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(max_wait)));
        alarm
            .as_mut()
            .poll(context)
            .map(|()| Err(NoMemory(max_wait)))
    }
}

impl<B> LimitedBody<B> {
    pub(crate) fn new(body: B, limit: Duration, memory: &BodyMemory) -> Self {
        Self {
            body,
            limit,
            alarm: None,
            memory: MemoryReservation {
                memory: PollSemaphore::new(Arc::clone(&memory.semaphore)),
                permits: None,
                received: 0,
                needed: 0,
                max_wait: memory.max_wait,
                alarm: None,
            },
            waiting: None,
        }
    }
}

impl<B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Unpin> HttpBody for LimitedBody<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if this.waiting.is_none()
            && let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context)
        {
            match frame {
                Some(Ok(frame)) => {
                    this.memory.note(&frame);
                    this.waiting = Some(frame);
                }
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
                None => return Poll::Ready(None),
            }
        }
        if this.waiting.is_some() {
            let room = ready!(this.memory.poll(context));
            let frame = this.waiting.take();
            return Poll::Ready(frame.map(|frame| room.map(|()| frame).map_err(Into::into)));
        }
        let limit = self.limit;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(limit)));
        match alarm.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(TooSlow(limit).into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let waiting = self.waiting.as_ref().and_then(Frame::data_ref);
        match waiting {
            // The inner hint covers only the bytes that the inner body has not returned.
            Some(_) => SizeHint::default(),
            None => self.body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::{Body, to_bytes};
    use tokio_stream::{StreamExt as _, once, pending};

    use super::*;
    use crate::http::body_error::BodyError;

    /// A body whose last frame never arrives.
    fn half(bytes: usize) -> Body {
        let frame = Ok::<_, Infallible>(Bytes::from(vec![b'x'; bytes]));
        Body::from_stream(once(frame).chain(pending()))
    }

    fn limited(body: Body, memory: &BodyMemory) -> Body {
        let limit = Duration::from_hours(1);
        Body::new(LimitedBody::new(body, limit, memory))
    }

    fn reason(error: &axum::Error) -> String {
        match BodyError::new(error) {
            BodyError::NoMemory(error) => error.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn half_bodies_share_a_memory_limit_that_small_bodies_do_not_need() {
        let memory = BodyMemory::new(100_000, Duration::from_millis(1));
        let mut half = tokio::spawn(to_bytes(limited(half(100_000), &memory), usize::MAX));
        while memory.semaphore.available_permits() == 100_000 {
            tokio::task::yield_now().await;
        }
        let small = limited(Body::from(vec![0; 16_000]), &memory);
        assert_eq!(to_bytes(small, usize::MAX).await.unwrap().len(), 16_000);
        let large = || to_bytes(limited(Body::from(vec![0; 60_000]), &memory), usize::MAX);
        let error = large().await.unwrap_err();
        assert_eq!(
            reason(&error),
            "the bodies of other requests used 67108864 bytes of memory for 1ms"
        );
        // A client that disconnects releases its memory.
        half.abort();
        let _ = (&mut half).await;
        assert_eq!(large().await.unwrap().len(), 60_000);
        assert_eq!(memory.semaphore.available_permits(), 100_000);
    }

    #[tokio::test]
    async fn a_body_of_many_small_chunks_counts_what_its_frames_occupy() {
        let memory = BodyMemory::new(1_000_000, Duration::from_millis(1));
        let chunks = (0..10_000).map(|_| Ok::<_, Infallible>(Bytes::from_static(b"x")));
        let body = Body::from_stream(tokio_stream::iter(chunks).chain(pending()));
        let reader = tokio::spawn(to_bytes(limited(body, &memory), usize::MAX));
        while memory.semaphore.available_permits() > 1_000_000 - 10_000 * 65 + 16 * 1024 {
            tokio::task::yield_now().await;
        }
        reader.abort();
    }
}
