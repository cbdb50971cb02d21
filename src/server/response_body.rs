//! The body of an HTTP/2 response, in pieces, so that the connection buffers no more of it than the client reads.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use super::activity::OpenRequest;

/// The default maximum of one DATA frame (RFC 9113 §6.5.2).
const PIECE_BYTES: usize = 16 * 1024;

/// Answers a request of an HTTP/2 connection.
///
/// Most handlers have their whole response after one step. Requests therefore take this step one after another, and
/// only while there is memory for a response: a hundred requests at once exceed the limit by one response, not by a
/// hundred.
pub(super) async fn answer_http2(
    open: OpenRequest,
    request: impl Future<Output = Response>,
) -> Response {
    let activity = Arc::clone(&open.activity);
    let mut request = pin!(request);
    let turn = activity.first_step.acquire().await;
    activity.wait_for_room().await;
    let first = poll_fn(|context| Poll::Ready(request.as_mut().poll(context))).await;
    let answer = |response: Response| response.map(|body| CountedBody::new(body, open).into());
    match first {
        // Its bytes are counted before the turn of another request.
        Poll::Ready(response) => answer(response),
        Poll::Pending => {
            drop(turn);
            answer(request.await)
        }
    }
}

/// The body of a response. Its bytes count as unread until it is dropped.
#[derive(Debug)]
pub(super) struct CountedBody {
    body: Body,
    /// The rest of the frame that is sent in pieces.
    rest: Bytes,
    /// All of it is in memory from the beginning.
    is_whole: bool,
    request: OpenRequest,
}

impl CountedBody {
    pub(super) fn new(body: Body, mut request: OpenRequest) -> Self {
        let size = body.size_hint().exact();
        let size = size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        if let Some(size) = size {
            request.set_unread(size);
        }
        Self {
            body,
            rest: Bytes::new(),
            is_whole: size.is_some(),
            request,
        }
    }

    /// The next piece of the frame. It is a copy: a slice would retain the whole frame until the client has read the
    /// last piece.
    fn next_piece(&mut self) -> Bytes {
        if self.rest.len() <= PIECE_BYTES {
            return std::mem::take(&mut self.rest);
        }
        Bytes::copy_from_slice(&self.rest.split_to(PIECE_BYTES))
    }
}

impl From<CountedBody> for Body {
    fn from(answer: CountedBody) -> Self {
        Self::new(answer)
    }
}

impl HttpBody for CountedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.rest.is_empty() {
            if !self.is_whole {
                // A poll for the next piece means that the previous one was read.
                self.request.set_unread(0);
            }
            let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.rest = data,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
            if !self.is_whole {
                let size = self.rest.len();
                self.request.set_unread(size);
            }
        }
        self.request.note_progress();
        Poll::Ready(Some(Ok(Frame::data(self.next_piece()))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, body) = (self.rest.len() as u64, self.body.size_hint());
        let mut hint = SizeHint::new();
        hint.set_lower(body.lower().saturating_add(rest));
        if let Some(upper) = body.upper() {
            hint.set_upper(upper.saturating_add(rest));
        }
        hint
    }
}
