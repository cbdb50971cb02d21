//! Lists of rows, which can be long: one is made and sent at a time, so that clients that do not read them cannot fill the
//! memory.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio::sync::Semaphore;
use tokio_stream::StreamExt as _;

use crate::control::ControlError;
use crate::invalid::Invalid;
use crate::server::long_steps::{LongSteps, Turn};

/// A list of at most this many bytes is sent without a turn, and a longer one in pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;

/// A call that waits longer for its turn is refused.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The turn of one server.
#[derive(Debug, Clone)]
pub(crate) struct ListTurn(Arc<Semaphore>);

impl Default for ListTurn {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(1)))
    }
}

/// The layer around each call that lists rows.
pub(crate) async fn one_at_a_time(
    State((turn, long_turn)): State<(ListTurn, Turn)>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(Ok(turn)) = tokio::time::timeout(MAX_WAIT, turn.0.acquire_owned()).await else {
        let why = Invalid::new("", "other clients have not read their long lists yet");
        return ControlError::Busy(why.with_hint("call again in a second")).into_response();
    };
    let answered = LongSteps::new(&long_turn, next.run(request)).await;
    let (mut parts, body) = answered.into_parts();
    // The bodies of lists are in memory already: reading them cannot fail.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if bytes.len() <= PIECE_BYTES {
        return Response::from_parts(parts, Body::from(bytes));
    }
    parts.headers.insert(CONTENT_LENGTH, bytes.len().into());
    let starts = (0..bytes.len()).step_by(PIECE_BYTES);
    let pieces: Vec<Bytes> = starts
        .map(|start| bytes.slice(start..bytes.len().min(start + PIECE_BYTES)))
        .collect();
    // The turn ends when the last piece is handed over, or when the client disconnects.
    let pieces = tokio_stream::iter(pieces).map(move |piece| {
        let _turn = &turn;
        Ok::<_, Infallible>(piece)
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}
