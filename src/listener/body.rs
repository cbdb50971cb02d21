//! How long may a body take? It ends with an error where its time is over, so that whoever reads it can answer.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

/// The body did not come to its end in time.
#[derive(Debug)]
pub(crate) struct TooSlow(Duration);

impl fmt::Display for TooSlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the body took longer than {:?}", self.0)
    }
}

impl Error for TooSlow {}

/// Why a body could not be read to its end.
#[derive(Debug)]
pub(crate) enum Unread<'a> {
    TooSlow(&'a TooSlow),
    /// The client ended it early, or it is malformed.
    Broken,
    TooLong,
}

impl<'a> Unread<'a> {
    /// The reason of an error of [`axum::body::to_bytes`].
    pub(crate) fn new(error: &'a axum::Error) -> Self {
        let first: &(dyn Error + 'static) = error;
        let causes = || std::iter::successors(Some(first), |error| <dyn Error>::source(*error));
        match causes().find_map(|error| error.downcast_ref()) {
            Some(late) => Self::TooSlow(late),
            None if causes().any(<dyn Error>::is::<hyper::Error>) => Self::Broken,
            None => Self::TooLong,
        }
    }
}

/// The body of a request, which has so long to come.
#[derive(Debug)]
pub(super) struct Timely {
    body: Incoming,
    limit: Duration,
    /// Since somebody first had to wait: most bodies are there with their heads.
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Timely {
    pub(super) fn new(body: Incoming, limit: Duration) -> Self {
        Self {
            body,
            limit,
            alarm: None,
        }
    }
}

impl HttpBody for Timely {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = self.limit;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(sleep(limit)));
        match alarm.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(TooSlow(limit).into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
