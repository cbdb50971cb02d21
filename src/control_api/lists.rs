//! Middleware for long lists: one is created and sent at a time, so that clients that do not read cannot fill the memory.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tokio_stream::StreamExt as _;

use crate::control::ControlError;
use crate::http::long_steps::{BlockInPlace, WorkLock};
use crate::invalid::Invalid;

/// A list of at most this many bytes is sent without a turn, and a longer one in pieces of this size.
const PIECE_BYTES: usize = 64 * 1024;

/// A call that waits longer for its turn is rejected.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// Middleware of each operation that lists rows.
pub(crate) async fn one_at_a_time(
    State(turn): State<WorkLock>,
    request: Request,
    next: Next,
) -> Response {
    let Ok(turn) = tokio::time::timeout(MAX_WAIT, turn.acquire()).await else {
        let error = Invalid::new("", "other clients are still reading long lists");
        return ControlError::Busy(error.with_hint("retry in one second")).into_response();
    };
    let answered = BlockInPlace::new(next.run(request)).await;
    let (mut parts, body) = answered.into_parts();
    // Bodies of lists are in memory, so reading them cannot fail.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if bytes.len() <= PIECE_BYTES {
        return Response::from_parts(parts, Body::from(bytes));
    }
    parts.headers.insert(CONTENT_LENGTH, bytes.len().into());
    let starts = (0..bytes.len()).step_by(PIECE_BYTES);
    let pieces: Vec<Bytes> = starts
        .map(|start| bytes.slice(start..bytes.len().min(start + PIECE_BYTES)))
        .collect();
    // The turn ends with the last piece, or when the client disconnects.
    let pieces = tokio_stream::iter(pieces).map(move |piece| {
        let _turn = &turn;
        Ok::<_, Infallible>(piece)
    });
    Response::from_parts(parts, Body::from_stream(pieces))
}
