//! Every path and its handler. The paths, methods and CORS of Civitai's endpoints are in `protocol/endpoint.rs`, the control
//! API's in `control_api/operations.rs`; all other paths are written here. The prefix `/_sandbox/{name}` is removed from a path
//! before it is looked up, so that every path exists in each sandbox.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::VARY;
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, any, get, post};
use axum::{Extension, Router};
use tower::ServiceExt as _;

use crate::api::orchestrator_error::OrchestratorError;
use crate::api::{blobs, me, trpc, workflows};
use crate::control_api;
use crate::health;
use crate::http::access_guard;
use crate::http::base_url::SandboxPrefix;
use crate::http::context::RequestHead;
use crate::http::cors::{self, CorsException};
use crate::http::respond;
use crate::http::root_service::RootService;
use crate::http::state::{Routes, ServerState};
use crate::invalid::Invalid;
#[cfg(feature = "mcp")]
use crate::mcp;
use crate::middleware;
use crate::oauth::device::{poll, review, start};
use crate::oauth::{authorize, discovery, introspect, revoke, token, userinfo};
use crate::pages::console::navigation::ConsolePage;
use crate::pages::console::state::accepts_page;
use crate::pages::console::{home, unlock};
use crate::pages::site::{consent, device as device_page, login};
use crate::pages::{assets, llms};
use crate::protocol::endpoint::{self, CivitaiServer, CorsPolicy, EndpointSpec};
use crate::sandbox::name;
use crate::suggest;

/// The whole server as one service.
pub(crate) fn service(state: Arc<ServerState>) -> RootService {
    let table = table(&state).with_state(Arc::clone(&state));
    // Around the finished table rather than around each route: a request passes one service, and not a copy of each.
    RootService::new(move |service, mut request| {
        request.extensions_mut().insert(service);
        let request = strip_sandbox_prefix(request);
        Box::pin(middleware::handle(
            Arc::clone(&state),
            request,
            table.clone(),
        ))
    })
}

/// Every path.
fn table(state: &Arc<ServerState>) -> Routes {
    let control_api = control_api::control_api(Arc::clone(state));
    let known: Arc<[&'static str]> = endpoint::paths().chain(control_api.paths).collect();
    oauth_routes()
        .merge(api_routes())
        .merge(sign_in_routes(Arc::clone(state)))
        .route("/_mock/assets/{name}", get(assets::get))
        .route("/favicon.ico", get(assets::favicon))
        .merge(health::routes())
        .merge(home_routes(Arc::clone(state)))
        .merge(console_routes(state))
        .merge(control_api_routes(state, control_api.routes))
        .merge(mcp_route(state))
        .fallback(async move |head: RequestHead, request: Request| {
            not_found(head, &request, &known)
        })
}

#[cfg(not(feature = "mcp"))]
fn mcp_route(_: &Arc<ServerState>) -> Routes {
    Routes::new()
}

/// The tools for coding agents, behind the guard of the control API.
#[cfg(feature = "mcp")]
fn mcp_route(state: &Arc<ServerState>) -> Routes {
    let guard = from_fn_with_state(Arc::clone(state), access_guard::require_access);
    Routes::new()
        .route_service(mcp::PATH, mcp::service())
        .layer(from_fn(mcp::in_sandbox))
        .layer(from_fn(mcp::message::check))
        .layer(guard)
        .layer(from_fn_with_state(Arc::clone(state), mcp::cors))
}

/// What client apps call to sign users in. `protocol/endpoint.rs` has the paths.
fn oauth_routes() -> Routes {
    let authorize = get(authorize::get).post(authorize::post);
    Routes::new()
        .merge(route(
            &endpoint::AUTHORIZE,
            authorize.options(authorize::options),
        ))
        .merge(route(&endpoint::TOKEN, post(token::post)))
        .merge(route(&endpoint::REVOKE, post(revoke::post)))
        .merge(route(&endpoint::USERINFO, get(userinfo::get)))
        .merge(route(&endpoint::INTROSPECT, post(introspect::post)))
        .merge(route(&endpoint::DEVICE, post(start::post)))
        .merge(route(&endpoint::DEVICE_TOKEN, post(poll::post)))
        .merge(route(&endpoint::DEVICE_INFO, post(review::info)))
        .merge(route(&endpoint::DEVICE_APPROVE, post(review::approve)))
        .merge(route(&endpoint::DEVICE_DENY, post(review::deny)))
        .merge(route(
            &endpoint::OPENID_CONFIGURATION,
            get(discovery::configuration),
        ))
        .merge(route(&endpoint::JWKS_JSON, get(discovery::keys)))
        .merge(route(&endpoint::JWKS, get(discovery::keys)))
}

/// What client apps call after sign-in.
fn api_routes() -> Routes {
    let workflow = get(workflows::get)
        .put(workflows::put)
        .patch(workflows::patch)
        .delete(workflows::delete);
    Routes::new()
        .merge(route(&endpoint::ME, get(me::get)))
        .merge(route(&endpoint::PROCEDURES, any(trpc::handle)))
        .merge(route(
            &endpoint::WORKFLOWS,
            get(workflows::list).post(workflows::post),
        ))
        .merge(route(&endpoint::WORKFLOW, workflow))
        .merge(route(&endpoint::BLOBS, post(blobs::upload)))
        .merge(route(&endpoint::BLOB_UPLOAD, get(blobs::upload_url)))
        .merge(route(&endpoint::BLOB, get(blobs::get)))
        .merge(route(&endpoint::BLOB_REFRESH, post(blobs::refresh)))
}

/// The pages where users sign in and decide. Forms that create users and sessions, or act for the user of the `login`
/// setting, may not be sent by another site.
fn sign_in_routes(state: Arc<ServerState>) -> Routes {
    Routes::new()
        .merge(route(&endpoint::LOGIN, get(login::get).post(login::post)))
        .merge(route(
            &endpoint::DEVICE_PAGE,
            get(device_page::get).post(device_page::post),
        ))
        .layer(from_fn_with_state(
            state,
            access_guard::reject_foreign_forms,
        ))
        .merge(route(
            &endpoint::LOGOUT,
            get(login::logout).post(login::logout),
        ))
        .merge(route(
            &endpoint::CONSENT_PAGE,
            get(consent::get).post(consent::deny),
        ))
}

/// The home page and the account pages. Their forms act for the signed-in user: no other site may send them or read the
/// pages.
#[rustfmt::skip]
fn home_routes(state: Arc<ServerState>) -> Routes {
    use crate::pages::site::account;
    use crate::pages::site::account::{apps, connected_forms};
    Routes::new()
        .merge(route(&endpoint::HOME, get(home::get)))
        .route(llms::PATH, get(llms::get))
        .route("/user/account", get(account::page::get))
        .route("/user/account/new-app", get(apps::new).post(apps::register))
        .route("/user/account/apps/{id}", get(apps::edit).post(apps::save))
        .route("/user/account/apps/{id}/secret", get(apps::secret))
        .route("/user/account/apps/{id}/rotate-secret", post(apps::rotate))
        .route("/user/account/apps/{id}/delete", post(apps::delete))
        .route("/user/account/connected/{id}/limit", post(connected_forms::limit))
        .route("/user/account/connected/{id}/reset-budget", post(connected_forms::reset_budget))
        .route("/user/account/connected/{id}/revoke", post(connected_forms::revoke))
        .layer(from_fn_with_state(state, access_guard::reject_cross_site_requests))
}

/// The pages for developers of apps, behind the guard of the control API.
#[rustfmt::skip]
fn console_routes(state: &Arc<ServerState>) -> Routes {
    use crate::pages::console::{self, consent_gallery as gallery, findings, first_sign_in, playground, requests, styleguide, theme};
    let unlocking = Routes::new()
        .route("/_mock/unlock", post(unlock::post))
        .route("/_mock/theme", post(theme::post))
        .layer(from_fn_with_state(Arc::clone(state), access_guard::reject_cross_site_requests));
    let routes = Routes::new();
    #[cfg(feature = "openapi")]
    let routes = routes.route("/_mock/api", get(console::api_reference::get));
    routes
        .route("/_mock", get(requests::get))
        .route("/_mock/requests/{id}/send", post(requests::send_again))
        .route("/_mock/events", get(console::events))
        .route("/_mock/actions", post(console::act))
        .route("/_mock/first-sign-in", get(home::get).post(first_sign_in::post))
        .route("/_mock/styleguide", get(styleguide::get))
        .route("/_mock/findings", get(findings::get))
        .route("/_mock/playground", get(playground::get).post(playground::start))
        .route("/_mock/playground/act", post(playground::act))
        .route("/_mock/playground/callback", get(playground::callback))
        .route("/_mock/consent", get(gallery::get))
        .route("/_mock/consent/preview", get(gallery::preview).post(gallery::back))
        .layer(Extension(Arc::new(playground::PlaygroundRuns::default())))
        .layer(from_fn_with_state(Arc::clone(state), unlock::require_control_token))
        .merge(unlocking)
}

/// The control API. At the paths of some lists and of a request of the journal, browsers get a page, and all other
/// clients JSON.
fn control_api_routes(state: &Arc<ServerState>, routes: Routes) -> Routes {
    use crate::pages::console::requests;
    let choose = async |State(pages): State<Router>, request: Request, next: Next| {
        let is_shared = ConsolePage::shares_path(request.uri().path());
        let for_browser = if is_shared && matches!(*request.method(), Method::GET | Method::HEAD) {
            Some(accepts_page(&request))
        } else {
            requests::is_for_browser(&request)
        };
        let mut response = match for_browser {
            Some(true) => pages.oneshot(request).await.into_response(),
            Some(false) => next.run(request).await,
            None => return next.run(request).await,
        };
        response
            .headers_mut()
            .append(VARY, HeaderValue::from_static("accept"));
        response
    };
    routes.layer(from_fn_with_state(state_pages(state), choose))
}

/// The pages at paths of the control API, behind its guard.
fn state_pages(state: &Arc<ServerState>) -> Router {
    use crate::pages::console::requests;
    use crate::pages::console::state::{
        clients, faults, sandboxes, settings, snapshots, tokens, users,
    };
    // These pages read whole tables, as the lists of the control API do.
    let turn = || from_fn_with_state(state.long_lists.clone(), control_api::lists::one_at_a_time);
    Routes::new()
        .route("/_mock/requests/{id}", get(requests::get_request))
        .route("/_mock/faults", get(faults::get))
        .route("/_mock/tokens", get(tokens::get).route_layer(turn()))
        .route("/_mock/users", get(users::get).route_layer(turn()))
        .route("/_mock/clients", get(clients::get).route_layer(turn()))
        .route("/_mock/snapshots", get(snapshots::get))
        .route("/_mock/sandboxes", get(sandboxes::get))
        .route("/_mock/settings", get(settings::get))
        .layer(from_fn_with_state(
            Arc::clone(state),
            unlock::require_control_token,
        ))
        .with_state(Arc::clone(state))
}

/// The routes of an endpoint. Its row has the paths and decides preflights and the answer to other methods.
fn route(spec: &'static EndpointSpec, mut handlers: MethodRouter<Arc<ServerState>>) -> Routes {
    if spec.cors != CorsPolicy::Closed {
        handlers = handlers.options(cors::preflight);
    }
    let allow = spec.allow;
    handlers = match spec.server {
        CivitaiServer::Auth => handlers
            .fallback(async move |method: Method| respond::method_not_allowed(&method, allow)),
        // axum routes HEAD requests to GET; Civitai's framework does not.
        CivitaiServer::Site => handlers
            .head(async move || me::method_not_allowed(allow))
            .fallback(async move || me::method_not_allowed(allow)),
        CivitaiServer::Orchestrator => {
            handlers.fallback(async move || OrchestratorError::MethodNotAllowed { allow })
        }
        CivitaiServer::Trpc | CivitaiServer::Pages => handlers,
    };
    if let Some(difference) = spec.missing_from_recording {
        let check = move |head: RequestHead, request: Request, next: Next| async move {
            head.rules.record_divergence(difference, true);
            if head.rules.follows_recording(difference) {
                let path = head.base.path(request.uri().path());
                respond::not_in_recording(&path, difference)
            } else {
                next.run(request).await
            }
        };
        handlers = handlers.layer(from_fn(check));
    }
    let paths = spec.paths.iter();
    paths.fold(Routes::new(), |routes, path| {
        routes.route(path, handlers.clone())
    })
}

/// Takes the sandbox off the path. HTTP/2, and clients behind a proxy, name the host in the target itself: it is set
/// aside, so that everything behind sees a path.
fn strip_sandbox_prefix(mut request: Request) -> Request {
    if let Some(authority) = request.uri().authority().cloned() {
        let target = request.uri().path_and_query().cloned();
        *request.uri_mut() = target.map(Uri::from).unwrap_or_default();
        request.extensions_mut().insert(authority);
    }
    if let Some((sandbox, rest)) = SandboxPrefix::split(request.uri()) {
        *request.uri_mut() = rest;
        request.extensions_mut().insert(sandbox);
    }
    #[cfg(feature = "mcp")]
    mcp::enter(&mut request);
    request
}

fn not_found(
    RequestHead { base, .. }: RequestHead,
    request: &Request,
    known: &[&'static str],
) -> Response {
    let path = request.uri().path();
    // A trailing slash is taken off where Civitai's framework takes it off.
    if let Some(path) = endpoint::without_slash(path) {
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let moved = respond::moved(&base.path(&format!("{path}{query}")));
        return (CorsException::Closed, moved).into_response();
    }
    if let Some(reason) = SandboxPrefix::name_error(path) {
        let message = format!("the path has an invalid sandbox name: {reason}");
        let error = Invalid::new("", message).with_hint(name::HINT);
        return respond::invalid(StatusCode::NOT_FOUND, "not_found", &error);
    }
    let message = format!("nothing answers at {}", base.path(path));
    let hint = match suggest::closest_path(path, known) {
        Some(near) => format!("did you mean {}?", base.path(near)),
        None => format!(
            "the OAuth endpoints are below /api/auth/oauth, sandboxes below /_sandbox/{{name}} \
             (letters, digits, - _ . and at most 64 of them), control calls below /_mock{}",
            if cfg!(feature = "mcp") {
                ", MCP is at /mcp"
            } else {
                ""
            }
        ),
    };
    let error = Invalid::new("", message).with_hint(hint);
    respond::invalid(StatusCode::NOT_FOUND, "not_found", &error)
}
