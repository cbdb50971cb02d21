//! Requests that compute for milliseconds at a time: large bodies to parse, long lists to serialize.
//!
//! A tokio worker that computes serves no other task, so small requests would wait for large ones. Steps of large requests
//! therefore run one at a time, and those of long lists on a thread of their own. In `benches/abuse` on two cores, this takes
//! the p99 of small requests from 66 to 5 ms beside large bodies, and from 156 to 4 ms beside long lists.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::HttpBody;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::block_in_place;
use tokio_util::sync::PollSemaphore;

/// A shorter body is parsed in well under a millisecond.
const LONG_BODY_BYTES: u64 = 32 * 1024;

/// Whether a body may take long to parse. One whose length is unknown may.
pub(crate) fn is_long(body: &impl HttpBody) -> bool {
    let size = body.size_hint();
    !body.is_end_stream() && size.upper().is_none_or(|bytes| bytes > LONG_BODY_BYTES)
}

/// Lets one task at a time do long work: compute a step, or send a long list.
#[derive(Debug, Clone)]
pub(crate) struct WorkLock(Arc<Semaphore>);

impl Default for WorkLock {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

impl WorkLock {
    /// Waits for the turn. Never None: the semaphore is not closed.
    pub(crate) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0).acquire_owned().await.ok()
    }
}

/// A future whose steps take milliseconds. It holds the turn while it computes, and not while it waits.
pub(crate) struct LongSteps<F> {
    turn: PollSemaphore,
    future: Pin<Box<F>>,
}

impl<F> LongSteps<F> {
    pub(crate) fn new(turn: &WorkLock, future: F) -> Self {
        Self {
            turn: PollSemaphore::new(Arc::clone(&turn.0)),
            future: Box::pin(future),
        }
    }
}

impl<F: Future> Future for LongSteps<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _permit = ready!(self.turn.poll_acquire(context));
        self.future.as_mut().poll(context)
    }
}

/// A future whose steps take tenths of a second. The other tasks of its worker are handed to another thread meanwhile, if
/// the runtime has several. Not for large bodies: each thread's heap would retain some.
pub(crate) struct BlockInPlace<F>(Pin<Box<F>>);

impl<F> BlockInPlace<F> {
    pub(crate) fn new(future: F) -> Self {
        Self(Box::pin(future))
    }
}

impl<F: Future> Future for BlockInPlace<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let runtime = Handle::try_current().map(|runtime| runtime.runtime_flavor());
        match runtime {
            Ok(RuntimeFlavor::MultiThread) => block_in_place(|| self.0.as_mut().poll(context)),
            _ => self.0.as_mut().poll(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::task::{JoinSet, yield_now};

    use super::*;

    async fn at_most_one_step_runs() {
        let (turn, running) = (WorkLock::default(), Arc::new(AtomicUsize::new(0)));
        let mut requests = JoinSet::new();
        for _ in 0..20 {
            let running = Arc::clone(&running);
            requests.spawn(LongSteps::new(&turn, async move {
                for _ in 0..10 {
                    assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
                    std::hint::black_box((0..10_000_u64).sum::<u64>());
                    running.fetch_sub(1, Ordering::SeqCst);
                    yield_now().await;
                }
            }));
        }
        assert_eq!(requests.join_all().await.len(), 20);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn steps_take_turns_on_several_workers() {
        at_most_one_step_runs().await;
    }

    #[tokio::test]
    async fn steps_take_turns_on_one_worker() {
        at_most_one_step_runs().await;
    }

    #[tokio::test]
    async fn a_future_that_waits_does_not_hold_the_turn() {
        let turn = WorkLock::default();
        let mut waits = LongSteps::new(&turn, std::future::pending::<()>());
        let first = std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut waits).poll(context)));
        assert!(first.await.is_pending());
        LongSteps::new(&turn, async {}).await;
    }

    #[test]
    fn bodies_are_long_by_their_length() {
        for (length, long) in [(0, false), (32 * 1024, false), (32 * 1024 + 1, true)] {
            let body = axum::body::Body::from(vec![0; length]);
            assert_eq!(is_long(&body), long, "{length}");
        }
        let pieces = tokio_stream::iter([Ok::<_, std::io::Error>("piece")]);
        assert!(is_long(&axum::body::Body::from_stream(pieces)));
    }
}
