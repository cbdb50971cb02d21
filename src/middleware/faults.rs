//! Effects of faults on the response: delays, errors, replaced or corrupted responses, and connection resets.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Map, Value};
use tokio_stream::StreamExt as _;

use crate::http::connection::{ConnectionInfo, ConnectionReset};
use crate::http::context::RequestContext;
use crate::http::cors;
use crate::http::respond;
use crate::middleware::dispatch;
use crate::sandbox::faults::ActiveFault;
use crate::sandbox::faults::Effect;

/// Total duration of a slow body.
const SLOW_BODY_DURATION: Duration = Duration::from_secs(2);

/// Number of chunks of a slow body.
const SLOW_BODY_CHUNKS: usize = 20;

/// Time for the first half of a truncated body to reach the client before the connection breaks.
const TRUNCATION_DELAY: Duration = Duration::from_millis(30);

/// Answers the request with all faults applied except the delay, which is [`total_delay`].
pub(crate) async fn answer_with_faults(
    context: &RequestContext,
    faults: &[Arc<ActiveFault>],
    request: Request,
    routes: Router,
) -> Response {
    let cors = context.cors_policy();
    let mut response = None;
    for fault in faults {
        if fault.definition.effect.deny_consent {
            context.notes.deny();
        }
        response =
            response.or_else(|| replacement(fault).map(|response| cors::apply(cors, response)));
    }
    let mut response = match response {
        Some(response) => response,
        None => dispatch::dispatch(request, routes, cors).await,
    };
    for fault in faults {
        response = alter(response, fault).await;
    }
    response
}

/// The total delay of the response, if any.
pub(crate) fn total_delay(
    context: &RequestContext,
    faults: &[Arc<ActiveFault>],
) -> Option<Duration> {
    let delays = faults
        .iter()
        .filter_map(|fault| fault.definition.effect.delay);
    let delays = delays.map(|delay| delay.duration(&context.sandbox.entropy).to_std());
    delays.reduce(Duration::saturating_add)
}

/// Delays the response. If the client disconnects meanwhile, resets its connection, which drops this future and all
/// that it holds.
pub(crate) async fn wait_for_delay(delay: Duration, connection: Option<&ConnectionInfo>) {
    let disconnected = async {
        match connection.and_then(|connection| connection.socket.as_ref()) {
            Some(socket) => socket.hung_up().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = tokio::time::sleep(delay) => return,
        () = disconnected => {}
    }
    if let Some(connection) = connection {
        connection.reset.request();
    }
    std::future::pending::<()>().await;
}

/// The handle to reset the connection, if a fault does so.
pub(crate) fn connection_reset(
    faults: &[Arc<ActiveFault>],
    request: &Request,
) -> Option<ConnectionReset> {
    let resets = faults
        .iter()
        .any(|fault| fault.definition.effect.reset_connection);
    ConnectionInfo::from_extensions(request.extensions())
        .filter(|_| resets)
        .map(|connection| connection.reset.clone())
}

/// The response that the fault returns instead of the handler's.
fn replacement(fault: &ActiveFault) -> Option<Response> {
    let effect = &fault.definition.effect;
    let status = effect
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    if let Some(error) = &effect.error {
        let mut body = Map::from_iter([("error".to_owned(), error.as_str().into())]);
        if let Some(description) = &effect.error_description {
            body.insert("error_description".to_owned(), description.as_str().into());
        }
        let status = status.unwrap_or_else(|| respond::status_of(error));
        return Some((status, Json(Value::Object(body))).into_response());
    }
    if fault.body.is_none() && status.is_none() {
        return None;
    }
    let status = status.unwrap_or(StatusCode::OK);
    let kind = match &effect.body {
        Some(Value::String(_)) => "text/plain; charset=utf-8",
        Some(_) => "application/json",
        None => return Some((status, Body::empty()).into_response()),
    };
    // All responses share one copy of a large body.
    let body = fault.body.clone().unwrap_or_default();
    let kind = [(CONTENT_TYPE, HeaderValue::from_static(kind))];
    Some((status, kind, body).into_response())
}

async fn alter(mut response: Response, fault: &ActiveFault) -> Response {
    let effect = &fault.definition.effect;
    if effect.reset_connection {
        // The client never receives this response.
        return Body::empty().into_response();
    }
    if effect.malformed_json || effect.truncate_body || effect.slow_body {
        response = alter_body(response, effect).await;
    }
    for (name, value) in &effect.headers {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        let header = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::try_from(text),
        );
        if let (Ok(name), Ok(value)) = header {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The response with a malformed, truncated or slow body.
async fn alter_body(response: Response, effect: &Effect) -> Response {
    let (mut parts, body) = response.into_parts();
    // Our responses are complete in memory: reading one cannot fail.
    let whole = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let whole = if effect.malformed_json {
        malformed(&whole)
    } else {
        whole
    };
    if effect.malformed_json {
        parts
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    parts.headers.insert(CONTENT_LENGTH, whole.len().into());
    let body = match (effect.truncate_body, effect.slow_body) {
        (true, _) => truncated(&whole),
        (false, true) => slow(&whole),
        (false, false) => Body::from(whole),
    };
    Response::from_parts(parts, body)
}

/// The first half of a body, without the end of its JSON.
fn malformed(whole: &Bytes) -> Bytes {
    let half = whole.slice(..whole.len().div_ceil(2));
    if half.is_empty() {
        Bytes::from_static(b"{")
    } else {
        half
    }
}

fn truncated(whole: &Bytes) -> Body {
    let half = whole.slice(..whole.len() / 2);
    let broken = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
    let end = tokio_stream::once(Err(broken)).then(|end| async {
        tokio::time::sleep(TRUNCATION_DELAY).await;
        end
    });
    Body::from_stream(tokio_stream::once(Ok(half)).chain(end))
}

fn slow(whole: &Bytes) -> Body {
    let size = whole.len().div_ceil(SLOW_BODY_CHUNKS).max(1);
    let starts = (0..whole.len()).step_by(size);
    let chunks: Vec<Bytes> = starts
        .map(|at| whole.slice(at..(at + size).min(whole.len())))
        .collect();
    let pause = SLOW_BODY_DURATION / u32::try_from(SLOW_BODY_CHUNKS).unwrap_or(1);
    Body::from_stream(tokio_stream::iter(chunks).then(move |chunk| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, std::convert::Infallible>(chunk)
    }))
}
