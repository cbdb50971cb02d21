//! Requests of one connection: what they hold, when they wait, and when the connection expires.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use axum::http::Extensions;
use axum::response::Response;

use super::activity::{
    Activity, CloseReason, MAX_STREAMS, MAX_UNREAD_BYTES, NextCheck, Timeouts, now,
};
use super::limits::{self, Limits};
use super::response_body;
use crate::config::Config;
use crate::http::connection::{ConnectionInfo, Permits};

fn activity() -> Arc<Activity> {
    Activity::new(Timeouts {
        head: Duration::from_secs(30),
        body: Duration::MAX,
    })
}

async fn is_pending(future: impl Future) -> bool {
    let mut future = pin!(future);
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn request_that_runs_on_holds_its_place_in_the_connection() {
    let activity = activity();
    let limits = Limits::new(&Config::default()).expect("valid limits");
    let place = || limits.http2_request().expect("there is a place");
    let mut running = Vec::new();
    for _ in 0..MAX_STREAMS {
        let mut extensions = Extensions::new();
        activity.permit(place(), &mut extensions).await;
        running.push(Permits::from_extensions(&extensions));
    }
    let mut extensions = Extensions::new();
    assert!(is_pending(activity.permit(place(), &mut extensions)).await);
    running.pop();
    assert!(!is_pending(activity.permit(place(), &mut extensions)).await);
}

#[tokio::test]
async fn a_request_that_runs_holds_its_place_in_the_server() {
    let limits = Limits::new(&Config::default()).expect("valid limits");
    let mut places: Vec<_> = std::iter::from_fn(|| limits.http2_request()).collect();
    assert_eq!(places.len(), limits::MAX_HTTP2_REQUESTS);
    let mut extensions = Extensions::new();
    let place = places.pop().expect("one of them");
    activity().permit(place, &mut extensions).await;
    let running = Permits::from_extensions(&extensions);
    drop(extensions);
    assert!(limits.http2_request().is_none());
    drop(running);
    assert!(limits.http2_request().is_some());
}

#[test]
fn request_that_runs_on_holds_its_connections_permit() {
    let config = Config {
        max_connections: 1,
        ..Config::default()
    };
    let limits = Limits::new(&config).expect("valid limits");
    let connection = ConnectionInfo {
        permit: limits.connection().map(Arc::new),
        ..ConnectionInfo::default()
    };
    let mut extensions = Extensions::new();
    extensions.insert(Arc::new(connection));
    let running = Permits::from_extensions(&extensions);
    drop(extensions);
    assert!(limits.connection().is_none());
    drop(running);
    assert!(limits.connection().is_some());
}

#[tokio::test]
async fn request_waits_while_too_much_is_unread() {
    let activity = activity();
    let answer = |bytes| async move { Response::new(Body::from(vec![0; bytes])) };
    let first = response_body::answer_http2(activity.open(), answer(MAX_UNREAD_BYTES)).await;
    assert!(is_pending(response_body::answer_http2(activity.open(), answer(1))).await);
    drop(first);
    let small = response_body::answer_http2(activity.open(), answer(1)).await;
    assert!(!is_pending(response_body::answer_http2(activity.open(), answer(1))).await);
    drop(small);
    assert_eq!(activity.state().unread_bytes, 0);
    assert_eq!(activity.state().open_requests, 0);
}

#[test]
fn connection_expires_by_what_is_open_on_it() {
    let activity = Activity::new(Timeouts {
        head: Duration::from_secs(30),
        body: Duration::from_secs(40),
    });
    let expired = |seconds| match activity.next_check(now() + Duration::from_secs(seconds)) {
        NextCheck::Close(expired) => Some(expired),
        NextCheck::At(_) | NextCheck::Never => None,
    };
    assert_eq!(expired(29), None);
    assert_eq!(expired(31), Some(CloseReason::NoRequest));
    let mut request = activity.open();
    assert_eq!(expired(3600), None);
    request.set_unread(10);
    assert_eq!(expired(39), None);
    assert_eq!(expired(41), Some(CloseReason::Stalled));
    drop(request);
    assert_eq!(expired(29), None);
    assert_eq!(expired(31), Some(CloseReason::Idle));
    activity.close();
    assert_eq!(expired(1), Some(CloseReason::Idle));
    activity.note_http1();
    assert_eq!(expired(3600), None);
}
