//! Processing of one request in its sandbox, in this order: read the parameters, match the faults, call the handler or
//! replace its response, alter the response, capture the exchange, wait for the delay of a fault, add the exchange to the
//! journal. A client that disconnects during the delay ends it: the exchange is added then.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;

use super::fault_target::fault_target;
use super::journal::PendingRecord;
use super::request_log::{ReasonHeaders, Recorder};
use super::run_to_completion::RunToCompletion;
use super::{dispatch, faults, journal};
use crate::http::body::{read_body, read_params};
use crate::http::connection::{ConnectionInfo, Permits};
use crate::http::context::RequestContext;
use crate::http::request::RequestInfo;
use crate::http::state::ServerState;
use crate::sandbox::Sandbox;
use crate::sandbox::faults::ActiveFault;

/// Answers a request in its sandbox.
pub(super) async fn run_exchange(
    state: &Arc<ServerState>,
    sandbox: Sandbox,
    request: Request,
    routes: Router,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let mut info = RequestInfo::new(&parts, state, sandbox);
    if !is_app_path(parts.uri.path()) {
        info.headers.clone_from(&parts.headers);
        let cors = info.cors_policy();
        parts.extensions.insert(RequestContext::from(info));
        return dispatch::dispatch(Request::from_parts(parts, body), routes, cors).await;
    }
    let last_completed_id = info.sandbox.journal.newest();
    let bytes = match read_body(body).await {
        Ok(bytes) => bytes,
        Err(busy) => return busy,
    };
    info.received = read_params(&parts.headers, bytes).await;
    // From here on, the headers are in the context.
    info.headers = std::mem::take(&mut parts.headers);
    let context = RequestContext::from(info);
    parts.extensions.insert(context.clone());

    let request_facts = journal::RequestFacts::new(&parts, &context, last_completed_id);
    let faults = matching_faults(&context, &parts);
    let request = Request::from_parts(parts, Body::empty());
    let reset = faults::connection_reset(&faults, &request);
    let permits = Permits::from_extensions(request.extensions());
    let connection = request.extensions().get::<Arc<ConnectionInfo>>().cloned();
    let recorder = Recorder {
        sandbox: context.sandbox.clone(),
        state: Arc::clone(state),
        arrived_at: request_facts.arrived_at(),
        recorded_id: connection.as_ref().and_then(|one| one.recorded_id.clone()),
    };
    let (response, delayed) = RunToCompletion::new(async move {
        let _permits = permits;
        let delay = faults::total_delay(&context, &faults);
        let response = faults::answer_with_faults(&context, &faults, request, routes).await;
        let (record, response) = journal::capture(&context, request_facts, &faults, response).await;
        if let Some(delay) = delay {
            let pending = PendingRecord::new(recorder, record, delay);
            (response, Some((delay, pending)))
        } else {
            let reason = recorder.add(record, Duration::ZERO);
            (ReasonHeaders::insert(reason, response), None)
        }
    })
    .await;
    // The request and its body are released by now: a delayed response holds only its record and itself.
    let response = match delayed {
        Some((delay, pending)) => {
            faults::wait_for_delay(delay, connection.as_deref()).await;
            ReasonHeaders::insert(pending.finish(), response)
        }
        None => response,
    };
    if let Some(reset) = reset {
        reset.request();
        // The reset of the connection drops this future.
        return pending().await;
    }
    response
}

/// Whether the path is one for apps, to which the journal and faults apply. Control calls, assets, health checks,
/// `/llms.txt` and `/favicon.ico` concern the mock and not the app.
pub(super) fn is_app_path(path: &str) -> bool {
    let folders = ["/_mock/", "/api/health/"];
    !(["/_mock", "/mcp", "/api/health", "/llms.txt", "/favicon.ico"].contains(&path)
        || folders.iter().any(|folder| path.starts_with(folder)))
}

fn matching_faults(context: &RequestContext, parts: &Parts) -> Vec<Arc<ActiveFault>> {
    let sandbox = &context.sandbox;
    // Faults do not apply to CORS preflights.
    if sandbox.faults.is_empty() || parts.method == Method::OPTIONS {
        return Vec::new();
    }
    let target = fault_target(context, parts, journal::claimed_client_id(parts, context));
    sandbox.matching_faults(&target)
}
