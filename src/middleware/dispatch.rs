//! Passes a request to its handler and adds CORS headers. On the legacy host, moved paths are redirected: Civitai's API
//! moved from civitai.com to auth.civitai.com. The difference `legacy-host` describes what the old host still does;
//! `server/mod.rs` decides which listener is the old host.

use axum::Router;
use axum::extract::{FromRequestParts, Request};
use axum::response::Response;
use tower::ServiceExt as _;

use crate::contract::{Contract, Difference};
use crate::http::connection::ConnectionInfo;
use crate::http::connection::ListenerKind;
use crate::http::context::RequestHead;
use crate::http::{cors, respond};
use crate::protocol::endpoint::{AUTHORIZE, CorsPolicy};

/// Paths that moved to the new host.
const MOVED_PATHS: [&str; 6] = [
    "/api/auth/",
    "/api/oauth/",
    "/v1/oauth/",
    "/login",
    "/logout",
    "/.well-known/",
];

/// Passes the request to the handler of its path, unless the legacy host redirects the path. `cors` is the policy of the
/// endpoint that the path leads to.
pub(crate) async fn dispatch(request: Request, routes: Router, cors: CorsPolicy) -> Response {
    if ConnectionInfo::listener(request.extensions()) != ListenerKind::Legacy
        || !has_moved(request.uri().path())
    {
        return call_handler(routes, request, cors).await;
    }
    let (mut parts, body) = request.into_parts();
    let head = match RequestHead::from_request_parts(&mut parts, &()).await {
        Ok(head) => head,
        Err(response) => return response,
    };
    let rules = &head.rules;
    // The only paths that the old host redirects under the live contracts.
    let is_authorize = AUTHORIZE.paths.contains(&parts.uri.path());
    rules.record_divergence(Difference::LegacyHost, !is_authorize);
    let redirected = match rules.contract_for(Difference::LegacyHost) {
        Contract::Documented => true,
        Contract::Live | Contract::Live2026_08 => is_authorize,
    };
    if redirected {
        let location = format!("{}{}", head.base, parts.uri);
        return respond::moved(&location);
    }
    call_handler(routes, Request::from_parts(parts, body), cors).await
}

async fn call_handler(routes: Router, request: Request, cors: CorsPolicy) -> Response {
    match routes.oneshot(request).await {
        Ok(response) => cors::apply(cors, response),
        Err(never) => match never {},
    }
}

fn has_moved(path: &str) -> bool {
    MOVED_PATHS.iter().any(|moved| path.starts_with(moved))
}
