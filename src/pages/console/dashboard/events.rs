//! `GET /_mock/events`: new requests as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;

use super::row::Row;
use super::search::SearchForm;
use crate::control::{ControlError, RequestQuery};
use crate::http::context::RequestContext;
use crate::http::long_steps::LongSteps;
use crate::http::respond;
use crate::http::state::ServerState;

/// The most requests that a reconnecting browser gets.
const MAX_CATCH_UP: usize = 200;

/// The most requests queued for a slow browser. The journal does not wait for it.
const MAX_QUEUED: usize = 32;

/// Interval of keep-alive comments.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// `GET /_mock/events`: each new request that matches the search, as HTML for the top of the list.
pub(crate) async fn events(
    State(state): State<Arc<ServerState>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut search = SearchForm::parse(query.as_deref().unwrap_or_default());
    // A reconnecting browser sends the id of the last event; a new page has its newest request in the query.
    let last = headers.get("last-event-id");
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    search.after = last.or(search.after);
    let query = match search.requests() {
        Ok(query) => query,
        Err(error) => return respond::invalid(StatusCode::BAD_REQUEST, "invalid", &error),
    };
    // Validates the filter: one that cannot match is an error.
    if let Err(error) = context.sandbox.list_requests(query.clone().limit(0)).await {
        return error.into_response();
    }
    let listener = match context.sandbox.journal.readers().listeners.try_acquire() {
        Ok(listener) => listener,
        Err(error) => return ControlError::from(error).into_response(),
    };
    let (sender, receiver) = mpsc::channel(MAX_QUEUED);
    let (stop, turn) = (state.stop.clone(), state.long_steps.clone());
    tokio::spawn(async move {
        let _listener = listener;
        // Each new request is rendered once for every listener.
        let watching = LongSteps::new(&turn, send_new_requests(&context, &search, &query, &sender));
        tokio::select! {
            () = stop.cancelled() => {}
            () = sender.closed() => {}
            () = watching => {}
        }
    });
    Sse::new(ReceiverStream::new(receiver).map(Ok::<_, Infallible>))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

/// Sends the requests after the last known one, and each new one.
async fn send_new_requests(
    context: &RequestContext,
    search: &SearchForm,
    query: &RequestQuery,
    sender: &mpsc::Sender<Event>,
) {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let mut news = sandbox.journal.watch();
    let newest = *news.borrow_and_update();
    // A journal that was reset counts from the start.
    let mut last = search.after.unwrap_or(newest).min(newest);
    loop {
        let newest = *news.borrow_and_update();
        let next = query.clone().after(last).limit(MAX_CATCH_UP);
        let Ok(found) = sandbox.list_requests(next).await else {
            return;
        };
        for one in found.requests.iter().filter(|one| search.shows(one)) {
            let Ok(html) = Row::new(one, base).render() else {
                return;
            };
            let event = Event::default().event("request").id(one.id.to_string());
            if sender.send(event.data(html)).await.is_err() {
                return;
            }
        }
        let sent = found.requests.last().map_or(newest, |one| one.id);
        last = sent.max(newest);
        if news.changed().await.is_err() {
            return;
        }
    }
}
