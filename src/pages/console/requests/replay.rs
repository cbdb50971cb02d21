//! `POST /_mock/requests/{id}/send`: sends a request of the journal again, through all middleware; and its curl command.

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, Request};
use axum::http::header::HOST;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::pairs::text;
use super::row::{Outcome, request_path};
use crate::control::{ControlError, Endpoint, JournalRequest};
use crate::http::base_url::BaseUrl;
use crate::http::context::RequestContext;
use crate::http::root_service::RootService;
use crate::invalid::Invalid;
use crate::pages::console::playground::quoted;
use crate::pages::console::{problem, status_line};
use crate::protocol::endpoint::{CivitaiServer, EndpointSpec};

/// Whether a request can be sent again: one to an endpoint of Civitai that apps call, not to a page.
pub(crate) fn is_for_app(request: &JournalRequest) -> bool {
    is_app_endpoint(&request.path) && request.method != "OPTIONS"
}

fn is_app_endpoint(path: &str) -> bool {
    let spec = EndpointSpec::find(path);
    spec.is_some_and(|spec| spec.server != CivitaiServer::Pages && spec.endpoint != Endpoint::Other)
}

/// `POST /_mock/requests/{id}/send`.
pub(crate) async fn post(
    Extension(service): Extension<RootService>,
    context: RequestContext,
    Path(id): Path<String>,
) -> Response {
    let sent = match prepare(&context, &id) {
        Ok(request) => request,
        Err(error) => {
            let status = StatusCode::BAD_REQUEST;
            return problem::page(&context, status, &ControlError::from(error));
        }
    };
    let new = service.send(sent).await.id;
    let found = context.sandbox.journal_requests(new.as_slice());
    match found.first() {
        Some(new) => {
            let done = format!(
                "Sent again as request {}: {}",
                new.id,
                Outcome::new(new).text
            );
            status_line::redirect_with(&request_path(&context.base, new.id), &done)
        }
        None => status_line::redirect_with(&context.base.path("/_mock"), "Sent again"),
    }
}

/// The request, as it was sent. Errors: it cannot be sent again.
fn prepare(context: &RequestContext, id: &str) -> Result<Request, Invalid> {
    let number = id.parse().unwrap_or_default();
    let found = context.sandbox.journal.find(&[number]);
    let Some(stored) = found.first() else {
        let error = Invalid::new("id", format!("no request {id:?} in the journal"));
        return Err(error.with_hint(
            "it may have been deleted, or it is no longer kept because the journal was full",
        ));
    };
    if !is_app_endpoint(stored.path()) || stored.is_preflight {
        let error = Invalid::new("id", format!("request {id} is not one of an app"));
        return Err(error.with_hint("only requests to Civitai's endpoints can be sent again"));
    }
    let Some(sent) = stored.to_request() else {
        let error = Invalid::new(
            "id",
            format!("the body of request {id} was too long to be stored"),
        );
        return Err(error.with_hint("send it from your app"));
    };
    let query = sent
        .query
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let target = context.base.path(&format!("{}{query}", sent.path));
    let invalid = || Invalid::new("id", format!("request {id} was stored in part only"));
    let mut request = Request::new(Body::from(sent.body.to_vec()));
    *request.uri_mut() = target.parse().map_err(|_| invalid())?;
    *request.method_mut() = sent.method.parse().map_err(|_| invalid())?;
    let headers = request.headers_mut();
    for (name, value) in sent.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
    }
    if let Some(host) = context.headers.get(HOST) {
        headers.insert(HOST, host.clone());
    }
    Ok(request)
}

/// The curl command that sends the request, with the secrets that it has.
pub(crate) fn curl(request: &JournalRequest, base: &BaseUrl) -> String {
    const SHOWN: [&str; 4] = ["authorization", "accept", "origin", "x-mock-user"];
    let mut words = vec![format!(
        "curl -gi --path-as-is {}",
        quoted(&format!("{base}{}", request.path))
    )];
    let is_json = request
        .header("content-type")
        .is_some_and(|kind| kind.contains("json"));
    let is_get = request.method == "GET";
    if !is_get && (request.method != "POST" || request.params.is_empty()) {
        words.push(format!("-X {}", quoted(&request.method)));
    }
    if is_get && !request.params.is_empty() {
        words.push("-G".to_owned());
    }
    for name in SHOWN {
        if let Some(value) = request.header(name).filter(|value| *value != "*/*") {
            words.push(format!("-H {}", quoted(&format!("{name}: {value}"))));
        }
    }
    if is_json && !is_get {
        let body = serde_json::to_string(&request.params).unwrap_or_default();
        words.push("-H 'content-type: application/json'".to_owned());
        words.push(format!("-d {}", quoted(&body)));
    } else {
        for (name, value) in &request.params {
            let pair = format!("{name}={}", text(value));
            words.push(format!("--data-urlencode {}", quoted(&pair)));
        }
    }
    words.join(" \\\n  ")
}
