//! The first request of a sandbox. A sandbox is created only for a request that an endpoint, a page or a control call
//! accepts: the routes see the request once without a sandbox, and a request that is rejected there creates nothing.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::Response;
use tokio_stream::once;

use super::dispatch;
use super::exchange::{self, is_app_path};
use crate::http::base_url::{BaseUrl, SandboxPrefix};
use crate::http::body::MAX_BODY_BYTES;
use crate::http::body_error::BodyError;
use crate::http::context::{NeedsSandbox, RequestHead, header};
use crate::http::respond;
use crate::http::state::ServerState;
use crate::protocol::endpoint::EndpointSpec;
use crate::sandbox::template::CreatedBy;

/// Answers a request that names a sandbox that does not exist. Its body is read once, since the handler may see the
/// request twice.
pub(crate) async fn answer_first_request(
    state: &Arc<ServerState>,
    request: Request,
    routes: Router,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = SandboxPrefix::from_extensions(&parts.extensions);
    let (first, second) = match to_bytes(body, MAX_BODY_BYTES).await {
        Ok(bytes) => (Body::from(bytes.clone()), Body::from(bytes)),
        Err(error) => {
            if let BodyError::NoMemory(error) = BodyError::new(&error) {
                return respond::no_body_memory(error);
            }
            // The handler that reads the body reports the error.
            let failing = Body::from_stream(once(Err::<&[u8], _>(error)));
            (Body::empty(), failing)
        }
    };
    let head = RequestHead {
        base: BaseUrl::new(&parts, state, path.clone()),
        rules: state.registry.template().settings.rules.clone(),
        headers: parts.headers.clone(),
    };
    let mut request = Request::from_parts(parts.clone(), first);
    request.extensions_mut().insert(Arc::new(head));
    let cors = EndpointSpec::cors_policy(EndpointSpec::find(parts.uri.path()));
    let answered = dispatch::dispatch(request, routes.clone(), cors).await;
    if answered.extensions().get::<NeedsSandbox>().is_none() {
        return answered;
    }
    if !may_create(state, &parts) {
        return respond::no_sandbox_for_page(path.name());
    }
    let created_by = if is_app_path(parts.uri.path()) {
        CreatedBy::Request
    } else {
        CreatedBy::Explicit
    };
    match state.registry.get_or_create(path.name(), created_by).await {
        Ok(sandbox) => {
            let request = Request::from_parts(parts, second);
            exchange::run_exchange(state, sandbox, request, routes).await
        }
        Err(error) => respond::failure(&error),
    }
}

/// Whether the request may create the sandbox that it names. A page of another site can send any number of requests,
/// but it can navigate the browser only once: that is how an app sends its user to `/authorize`. Pages of this machine
/// and of the apps in the seed have the same rights as the app.
fn may_create(state: &ServerState, parts: &Parts) -> bool {
    let header = |name| header(&parts.headers, name);
    // Old browsers, and all browsers over plain HTTP under a non-loopback name, send only an Origin.
    if header("sec-fetch-site") != Some("cross-site") && header("origin").is_none() {
        return true;
    }
    let is_navigation = parts.method == Method::GET
        && header("sec-fetch-mode") == Some("navigate")
        && header("sec-fetch-dest") == Some("document");
    is_navigation
        || header("origin").is_some_and(|origin| {
            let clients = &state.registry.template().seed.clients;
            let mut origins = clients.iter().flat_map(|client| &client.allowed_origins);
            state.hosts.is_local_origin(origin, "") || origins.any(|known| known == origin)
        })
}
