//! The way of one request: its sandbox is found, its parameters are read, faults apply, the handler answers, and the
//! journal stores the exchange. The handlers are in `oauth/` and `pages/`; the guard of the control API is
//! `http/access_guard.rs`.

mod faults;
mod first_request;
mod journal;
pub(crate) mod legacy_host;
pub(crate) mod request_log;
mod run_to_completion;

use std::future::pending;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;

pub(crate) use crate::http::request::{Received, Visit};
pub(crate) use crate::middleware::request_log::{
    Logged, TARGET as LOG_TARGET, WriteLine, is_refused,
};

use crate::http::base_url::SandboxPath;
use crate::http::context::{read_body, read_params};
use crate::http::respond;
use crate::middleware::journal::PendingRecord;
use crate::middleware::request_log::Recorder;
use crate::middleware::run_to_completion::ToTheEnd;
use crate::sandbox::Sandbox;
use crate::sandbox::triggered::TriggeredFault;
use crate::server::App;
use crate::server::accept::{Came, Permits};

/// Answers a request, in the sandbox that its path names. `write_line` logs the exchange.
pub(crate) async fn pass(
    app: Arc<App>,
    request: Request,
    table: Router,
    write_line: WriteLine,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = SandboxPath::of(&parts.extensions);
    match app.registry.find(path.name()).await {
        Ok(Some(sandbox)) => enter(&app, sandbox, (parts, body), table, write_line).await,
        Ok(None) => first_request::answer(&app, (parts, body), table, write_line).await,
        Err(error) => respond::failure(&error),
    }
}

/// Answers a request in its sandbox.
async fn enter(
    app: &Arc<App>,
    sandbox: Sandbox,
    (mut parts, body): (Parts, Body),
    table: Router,
    write_line: WriteLine,
) -> Response {
    let mut visit = Visit::begin(&parts, app, sandbox);
    if !is_observed(parts.uri.path()) {
        visit.headers.clone_from(&parts.headers);
        parts.extensions.insert(Arc::new(visit));
        return legacy_host::host(Request::from_parts(parts, body), table).await;
    }
    let began = visit.sandbox.journal.newest();
    let bytes = match read_body(body).await {
        Ok(bytes) => bytes,
        Err(busy) => return busy,
    };
    visit.received = read_params(&parts.headers, bytes).await;
    // The handlers have them from here.
    visit.headers = std::mem::take(&mut parts.headers);
    let visit = Arc::new(visit);
    parts.extensions.insert(Arc::clone(&visit));

    let head = journal::Head::of(&parts, &visit, began);
    let faults = strike(&visit, &parts);
    let request = Request::from_parts(parts, Body::empty());
    let cut = faults::cut(&faults, &request);
    let permits = Permits::of(request.extensions());
    let came = request.extensions().get::<Arc<Came>>().cloned();
    let recorder = Recorder {
        sandbox: visit.sandbox.clone(),
        app: Arc::clone(app),
        write_line,
        began: head.real(),
    };
    let (response, delayed) = ToTheEnd::new(async move {
        let _permits = permits;
        let delay = faults::delay(&visit, &faults);
        let response = faults::answer(&visit, &faults, request, table).await;
        let (record, response) = journal::capture(&visit, head, &faults, response).await;
        let delayed = if let Some(delay) = delay {
            Some((delay, PendingRecord::new(recorder, record)))
        } else {
            recorder.add(record);
            None
        };
        (response, delayed)
    })
    .await;
    // Here the request and its body are gone: a delayed answer holds its record and itself.
    if let Some((delay, record)) = delayed {
        faults::hold(delay, came.as_deref()).await;
        drop(record);
    }
    if let Some(cut) = cut {
        cut.now();
        // The connection takes this with it.
        return pending().await;
    }
    response
}

/// Control calls, by whatever door, assets and the health check are about the mock, not of the app.
fn is_observed(path: &str) -> bool {
    let beside = ["/_mock/", "/api/health/"];
    !(["/_mock", "/mcp", "/api/health"].contains(&path)
        || beside.iter().any(|folder| path.starts_with(folder)))
}

fn strike(visit: &Visit, parts: &Parts) -> Vec<Arc<TriggeredFault>> {
    let sandbox = &visit.sandbox;
    // A browser asks leave on its own; a fault that is for the call itself waits for it.
    if sandbox.faults.is_empty() || parts.method == Method::OPTIONS {
        return Vec::new();
    }
    let target = visit.target(parts, journal::claimed(parts, visit));
    sandbox.strike(&target)
}
