//! Every path and its handler: the one table to read first. A sandbox's prefix is taken off before this table
//! is asked, so that everything answers under `/_sandbox/{name}` too.

use std::sync::Arc;

use axum::Extension;
use axum::extract::Request;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, any, get, post};

use crate::api::{blobs, me, trpc, workflows};
use crate::contract::Difference;
use crate::control_api;
use crate::health;
use crate::http::access_guard;
use crate::http::base_url::SandboxPrefix;
use crate::http::context::Outline;
use crate::http::loopback::Loopback;
use crate::http::respond;
use crate::http::state::{AppState, Routes};
use crate::invalid::Invalid;
#[cfg(feature = "mcp")]
use crate::mcp;
use crate::middleware;
use crate::oauth::device::{self, poll, review, start};
use crate::oauth::{authorize, discovery, introspect, revoke, token, userinfo};
use crate::pages::assets;
use crate::pages::console::home;
use crate::pages::site::{consent, device as device_page, login};
use crate::protocol::endpoint;

/// The whole server as one service, and as what handlers send requests of their own to.
pub(crate) fn service(app: Arc<AppState>) -> Loopback {
    let table = table(&app).with_state(Arc::clone(&app));
    // Around the finished table rather than around each route: a request passes one service, and not a copy of each.
    Loopback::new(move |loopback, mut request| {
        request.extensions_mut().insert(loopback);
        let request = enter_sandbox(request);
        Box::pin(middleware::handle(Arc::clone(&app), request, table.clone()))
    })
}

/// Every path.
fn table(app: &Arc<AppState>) -> Routes {
    oauth_routes()
        .merge(api_routes())
        .route("/logout", get(login::logout).post(login::logout))
        .route(
            "/login/oauth/authorize",
            get(consent::get).post(consent::deny),
        )
        .merge(sign_in_routes(Arc::clone(app)))
        .route("/_mock/assets/{name}", get(assets::get))
        .merge(health::routes())
        .merge(home_routes(Arc::clone(app)))
        .merge(console_routes(app))
        .merge(control_api::routes(Arc::clone(app)))
        .merge(mcp_route(app))
        .fallback(not_found)
}

#[cfg(not(feature = "mcp"))]
fn mcp_route(_: &Arc<AppState>) -> Routes {
    Routes::new()
}

/// The tools for coding agents, behind the guard of the control API.
#[cfg(feature = "mcp")]
fn mcp_route(app: &Arc<AppState>) -> Routes {
    let guard = from_fn_with_state(Arc::clone(app), access_guard::admit);
    Routes::new()
        .route_service(mcp::PATH, mcp::service())
        .layer(axum::middleware::from_fn(mcp::in_sandbox))
        .layer(axum::middleware::from_fn(mcp::message::check))
        .layer(guard)
        .layer(from_fn_with_state(Arc::clone(app), mcp::cors))
}

/// What client apps call.
#[rustfmt::skip]
fn oauth_routes() -> Routes {
    let authorize = || {
        let route = get(authorize::get).post(authorize::post).options(authorize::options);
        with_allow_header(route, authorize::ALLOW)
    };
    let token = || with_allow_header(post(token::post).options(token::options), token::ALLOW);
    let revoke = with_allow_header(post(revoke::post).options(revoke::options), revoke::ALLOW);
    let userinfo = with_allow_header(get(userinfo::get).options(userinfo::options), userinfo::ALLOW);
    let start = with_allow_header(post(start::post).options(device::options), device::ALLOW);
    let poll = with_allow_header(post(poll::post).options(device::options), device::ALLOW);
    let keys = || with_allow_header(get(discovery::keys), discovery::ALLOW);
    Routes::new()
        .route("/api/auth/oauth/authorize", authorize())
        .route("/api/auth/oauth/token", token())
        .route("/api/auth/oauth/revoke", revoke)
        .route("/api/auth/oauth/userinfo", userinfo)
        .route("/api/auth/oauth/device", start)
        .route("/api/auth/oauth/device-token", poll)
        .route("/api/auth/oauth/device-info", with_allow_header(post(review::info), review::ALLOW))
        .route("/api/auth/oauth/device-approve", with_allow_header(post(review::approve), review::ALLOW))
        .route("/api/auth/oauth/device-deny", added_later(post(review::deny), review::ALLOW, Difference::DeviceDeny))
        .route("/api/auth/oauth/introspect", added_later(post(introspect::post), introspect::ALLOW, Difference::Introspection))
        .route("/.well-known/openid-configuration", with_allow_header(get(discovery::configuration), discovery::ALLOW))
        .route("/.well-known/jwks.json", keys())
        .route("/api/auth/jwks", keys())
        // The paths of the published capability.
        .route("/api/oauth/authorize", authorize())
        .route("/api/oauth/token", token())
        .route("/v1/oauth/authorize", authorize())
        .route("/v1/oauth/token", token())
}

/// What client apps call after sign-in.
#[rustfmt::skip]
fn api_routes() -> Routes {
    let one = |route: MethodRouter<Arc<AppState>>| {
        route.options(workflows::options).fallback(blobs::one_method_not_allowed)
    };
    let workflow = get(workflows::get)
        .put(workflows::put)
        .patch(workflows::patch)
        .delete(workflows::delete);
    let posted = |route: MethodRouter<Arc<AppState>>| {
        route.options(workflows::options).fallback(blobs::post_only)
    };
    let workflows = get(workflows::list).post(workflows::post);
    Routes::new()
        .route("/api/v1/me", get(me::get).options(me::options).fallback(me::method_not_allowed))
        .route("/api/trpc/{procedures}", any(trpc::answer))
        .route("/v2/consumer/workflows", workflows.options(workflows::options).fallback(workflows::method_not_allowed))
        .route("/v2/consumer/workflows/{id}", workflow.options(workflows::options).fallback(workflows::one_method_not_allowed))
        .route("/v2/consumer/blobs", posted(post(blobs::upload)))
        .route("/v2/consumer/blobs/upload", one(get(blobs::upload_url)))
        .route("/v2/consumer/blobs/{id}", one(get(blobs::get)))
        .route("/v2/consumer/blobs/{id}/refresh", posted(post(blobs::refresh)))
}

/// The pages whose forms make users and sessions, or act for the user who is signed in by a setting: no other site may send
/// them.
fn sign_in_routes(app: Arc<AppState>) -> Routes {
    Routes::new()
        .route("/login", get(login::get).post(login::post))
        .route(
            "/login/oauth/device",
            get(device_page::get).post(device_page::post),
        )
        .layer(from_fn_with_state(app, access_guard::own_forms))
}

/// The home page and the account's. Their forms act for the signed-in user: no other site may send them, nor read what
/// they show.
#[rustfmt::skip]
fn home_routes(app: Arc<AppState>) -> Routes {
    use crate::pages::site::account;
    use crate::pages::site::account::{apps, connected_forms};
    Routes::new()
        .route("/", get(home::get))
        .route("/user/account", get(account::page::get))
        .route("/user/account/new-app", get(apps::new).post(apps::register))
        .route("/user/account/apps/{id}", get(apps::edit).post(apps::save))
        .route("/user/account/apps/{id}/secret", get(apps::secret))
        .route("/user/account/apps/{id}/rotate-secret", post(apps::rotate))
        .route("/user/account/apps/{id}/delete", post(apps::delete))
        .route("/user/account/connected/{id}/limit", post(connected_forms::limit))
        .route("/user/account/connected/{id}/reset-budget", post(connected_forms::reset_budget))
        .route("/user/account/connected/{id}/revoke", post(connected_forms::revoke))
        .layer(from_fn_with_state(app, access_guard::same_site))
}

/// The pages for developers of apps, behind the guard of the control API.
#[rustfmt::skip]
fn console_routes(app: &Arc<AppState>) -> Routes {
    use crate::pages::console::{dashboard, advice as findings, consent_gallery as gallery, playground, unlock};
    let unlocking = Routes::new()
        .route("/_mock/unlock", post(unlock::post))
        .layer(from_fn_with_state(Arc::clone(app), access_guard::same_site));
    Routes::new()
        .route("/_mock", get(dashboard::get))
        .route("/_mock/events", get(dashboard::events))
        .route("/_mock/dashboard", post(dashboard::actions::post))
        .route("/_mock/findings", get(findings::get))
        .route("/_mock/playground", get(playground::get).post(playground::start))
        .route("/_mock/playground/act", post(playground::act))
        .route("/_mock/playground/callback", get(playground::callback))
        .route("/_mock/consent", get(gallery::get))
        .route("/_mock/consent/preview", get(gallery::preview).post(gallery::back))
        .layer(Extension(Arc::new(playground::PlaygroundRuns::default())))
        .layer(from_fn_with_state(Arc::clone(app), unlock::admit))
        .merge(unlocking)
}

/// Answers other methods with 405 and `Allow`.
fn with_allow_header(
    route: MethodRouter<Arc<AppState>>,
    allow: &'static str,
) -> MethodRouter<Arc<AppState>> {
    route.fallback(move |method: Method| async move { respond::method_not_allowed(&method, allow) })
}

/// As [`with_allow_header`], for an endpoint that the deployed server did not have when it was recorded.
fn added_later(
    route: MethodRouter<Arc<AppState>>,
    allow: &'static str,
    difference: Difference,
) -> MethodRouter<Arc<AppState>> {
    route.fallback(
        move |outline: Outline, uri: Uri, method: Method| async move {
            outline.rules.record_divergence(difference, true);
            if outline.rules.recorded(difference) {
                respond::not_in_recording(&outline.base.path(uri.path()), difference)
            } else {
                respond::method_not_allowed(&method, allow)
            }
        },
    )
}

/// Takes the sandbox off the path. HTTP/2, and clients behind a proxy, name the host in the target itself: it is set
/// aside, so that everything behind sees a path.
fn enter_sandbox(mut request: Request) -> Request {
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

async fn not_found(Outline { base, .. }: Outline, request: Request) -> Response {
    let path = request.uri().path();
    // A trailing slash is taken off where Civitai's framework takes it off.
    if let Some(path) = endpoint::without_slash(path) {
        let query = request
            .uri()
            .query()
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        return respond::moved(&base.path(&format!("{path}{query}")));
    }
    let why = Invalid::new(
        "",
        format!("nothing answers at {}", base.path(request.uri().path())),
    )
    .with_hint(format!(
        "the OAuth endpoints are below /api/auth/oauth, sandboxes below /_sandbox/{{name}} \
         (letters, digits, - _ . and at most 64 of them), control calls below /_mock{}",
        if cfg!(feature = "mcp") {
            ", MCP is at /mcp"
        } else {
            ""
        }
    ));
    respond::invalid(StatusCode::NOT_FOUND, "not_found", &why)
}
