//! `GET /_mock/events`: new exchanges as server-sent events.

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
use crate::control::{ControlError, Requests};
use crate::http::context::Context;
use crate::http::long_steps::LongSteps;
use crate::http::respond;
use crate::http::state::AppState;

/// Whoever comes back to the stream after long is told of so many.
const CATCH_UP: usize = 200;

/// So many exchanges wait for a browser that is slow to read them; then the journal waits for nobody, and it does.
const QUEUE: usize = 32;

/// What says that the stream still lives.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// `GET /_mock/events`: each exchange that fits, as it comes, ready to be put at the head of the list.
pub(crate) async fn events(
    State(app): State<Arc<AppState>>,
    context: Context,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let mut search = SearchForm::parse(query.as_deref().unwrap_or_default());
    // Whoever comes back says what came last; whoever comes for the first time, what is on the page.
    let last = headers.get("last-event-id");
    let last = last.and_then(|id| id.to_str().ok()?.parse().ok());
    search.after = last.or(search.after);
    let asked = match search.requests() {
        Ok(asked) => asked,
        Err(error) => return respond::invalid(StatusCode::BAD_REQUEST, "invalid", &error),
    };
    // Asked once for nothing: a filter that could never fit is refused at once.
    if let Err(error) = context.sandbox.list_requests(asked.clone().limit(0)).await {
        return error.into_response();
    }
    let listener = match context.sandbox.journal.readers().listen() {
        Ok(listener) => listener,
        Err(error) => return ControlError::from(error).into_response(),
    };
    let (tell, told) = mpsc::channel(QUEUE);
    let (stop, turn) = (app.stop.clone(), app.long_turn.clone());
    tokio::spawn(async move {
        let _listener = listener;
        // Each request that comes has every listener render it.
        let watching = LongSteps::new(&turn, watch(&context, &search, &asked, &tell));
        tokio::select! {
            () = stop.cancelled() => {}
            () = tell.closed() => {}
            () = watching => {}
        }
    });
    Sse::new(ReceiverStream::new(told).map(Ok::<_, Infallible>))
        .keep_alive(KeepAlive::new().interval(HEARTBEAT))
        .into_response()
}

/// Tells of the exchanges after the one that is known, and of each that comes.
async fn watch(
    context: &Context,
    search: &SearchForm,
    asked: &Requests,
    tell: &mpsc::Sender<Event>,
) {
    let (sandbox, base) = (&context.sandbox, &context.base);
    let mut news = sandbox.journal.watch();
    let newest = *news.borrow_and_update();
    // A journal that began anew counts from the start.
    let mut last = search.after.unwrap_or(newest).min(newest);
    loop {
        let newest = *news.borrow_and_update();
        let next = asked.clone().after(last).limit(CATCH_UP);
        let Ok(found) = sandbox.list_requests(next).await else {
            return;
        };
        for one in found.requests.iter().filter(|one| search.shows(one)) {
            let Ok(html) = Row::new(one, base).render() else {
                return;
            };
            let event = Event::default().event("exchange").id(one.id.to_string());
            if tell.send(event.data(html)).await.is_err() {
                return;
            }
        }
        let told = found.requests.last().map_or(newest, |one| one.id);
        last = told.max(newest);
        if news.changed().await.is_err() {
            return;
        }
    }
}
