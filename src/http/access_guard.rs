//! Access guard of the control API. Every client on every listener may use the API, since containers need that. Web
//! pages of other sites may not: neither by a cross-site request nor through a DNS name of their own that resolves to
//! this machine (DNS rebinding). With `--control-token`, each request also needs that bearer token.
//!
//! Our own and not a CSRF layer of a crate: those compare `Origin` with `Host`, which DNS rebinding makes equal.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::hosts::AllowedHost;
use crate::http::base_url::SandboxPrefix;
use crate::http::context::{RequestContext, RequestHead, header};
use crate::http::control_token::ControlToken;
use crate::http::state::ServerState;
use crate::http::{respond, session};
use crate::invalid::Invalid;

/// Middleware around all control routes.
pub(crate) async fn require_access(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Response {
    let authority = authority(&request);
    match check(&state, request.headers(), authority) {
        Ok(()) => {
            mark_sandbox_explicit(&state, SandboxPrefix::from_extensions(request.extensions()))
                .await;
            private(next.run(request).await)
        }
        Err((status, error)) => {
            let code = match status {
                StatusCode::UNAUTHORIZED => "unauthorized",
                _ => "forbidden",
            };
            respond::invalid(status, code, &error)
        }
    }
}

/// Marks the sandbox of a request that passed the guard as created explicitly.
pub(crate) async fn mark_sandbox_explicit(state: &ServerState, path: SandboxPrefix) {
    if let Err(error) = state.registry.mark_explicit(path.name()).await {
        tracing::warn!(%error, sandbox = path.name(), "the sandbox could not be marked as created explicitly");
    }
}

/// Responses of the control API are JSON and may hold secrets: forbids caching, sniffing and cross-origin reads.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Middleware around pages that show the user or an app's data, and around forms that act for the signed-in user.
/// Requests that change nothing may come from any site, as links do, but need an allowed `Host`.
pub(crate) async fn reject_cross_site_requests(
    State(state): State<Arc<ServerState>>,
    request: Request,
    next: Next,
) -> Response {
    let authority = authority(&request);
    let context = request.extensions().get::<RequestContext>();
    let headers = context.map_or_else(|| request.headers(), |context| &context.headers);
    let has_token = shows_token(&state, headers);
    let checked = if request.method().is_safe() {
        check_host(&state, headers, authority, has_token).map(drop)
    } else {
        check_site(&state, headers, authority, has_token)
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(error) => respond::invalid(StatusCode::FORBIDDEN, "forbidden", &error),
    }
}

/// Middleware around the pages where users sign in and decide. Only pages of this server, or clients that are no
/// browser, may submit their forms. The host is not checked, since apps may reach the pages by any name.
pub(crate) async fn reject_foreign_forms(
    State(state): State<Arc<ServerState>>,
    head: RequestHead,
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() {
        return next.run(request).await;
    }
    let is_own = |page: &str| state.hosts.is_local_origin(page, head.base.origin());
    match check_page(&head.headers, "send this form", is_own) {
        Ok(()) => next.run(request).await,
        Err(error) => respond::invalid(StatusCode::FORBIDDEN, "forbidden", &error),
    }
}

/// Cookie that replaces the token once a browser has presented it.
pub(crate) const COOKIE: &str = "mock-control";

/// Whether the browser has presented the token before. Requests of other sites are rejected before this check.
fn is_unlocked(headers: &HeaderMap, token: &ControlToken) -> bool {
    session::cookies(headers, COOKIE).any(|shown| token.is_cookie(&shown))
}

/// Whether the `Authorization` header holds the control token. DNS rebinding cannot forge it: no browser adds it.
fn shows_token(state: &ServerState, headers: &HeaderMap) -> bool {
    let Some(token) = &state.control_token else {
        return false;
    };
    let given = header(headers, AUTHORIZATION.as_str())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    given.is_some_and(|(_, given)| token.is(given))
}

/// The authority in the request target, as HTTP/2 clients and clients of proxies send it.
pub(crate) fn authority(request: &Request) -> Option<String> {
    request
        .extensions()
        .get::<Authority>()
        .map(ToString::to_string)
}

/// Whether the control API may be used. Errors: 403 for a page of another site, 401 without the token.
pub(crate) fn check(
    state: &ServerState,
    headers: &HeaderMap,
    authority: Option<String>,
) -> Result<(), (StatusCode, Invalid)> {
    let has_token = shows_token(state, headers);
    check_site(state, headers, authority, has_token)
        .map_err(|error| (StatusCode::FORBIDDEN, error))?;
    check_token(state, headers, has_token)
}

/// Errors: 401 without the control token, if one is required.
fn check_token(
    state: &ServerState,
    headers: &HeaderMap,
    has_token: bool,
) -> Result<(), (StatusCode, Invalid)> {
    if let Some(token) = &state.control_token
        && !has_token
        && !is_unlocked(headers, token)
    {
        let error = Invalid::new("Authorization", "the control API requires its token");
        let hint = "send \"Authorization: Bearer …\" with the token of --control-token";
        return Err((StatusCode::UNAUTHORIZED, error.with_hint(hint)));
    }
    Ok(())
}

/// Whether a browser follows a link of another site: it loads a page as a whole, which that site cannot read.
pub(crate) fn is_link_of_another_site(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| header(headers, name) == Some(value);
    is("sec-fetch-site", "cross-site")
        && is("sec-fetch-mode", "navigate")
        && is("sec-fetch-dest", "document")
}

/// Whether a page of the console may be shown to a browser that follows a link. Errors: as [`check`].
pub(crate) fn check_link(
    state: &ServerState,
    headers: &HeaderMap,
    authority: Option<String>,
) -> Result<(), (StatusCode, Invalid)> {
    let has_token = shows_token(state, headers);
    check_host(state, headers, authority, has_token)
        .map_err(|error| (StatusCode::FORBIDDEN, error))?;
    check_token(state, headers, has_token)
}

/// Errors: the header is present more than once.
fn once(headers: &HeaderMap, name: HeaderName, shown: &str) -> Result<(), Invalid> {
    if headers.get_all(name).iter().nth(1).is_none() {
        return Ok(());
    }
    let error = Invalid::new(shown, "given more than once");
    Err(error.with_hint(format!("send one {shown} header")))
}

/// The origin that the request is sent to. Errors: its host is not allowed and the request lacks the control token.
fn check_host(
    state: &ServerState,
    headers: &HeaderMap,
    authority: Option<String>,
    has_token: bool,
) -> Result<String, Invalid> {
    once(headers, HOST, "Host")?;
    let origin = requested_origin(headers, authority);
    if has_token || state.hosts.is_rebinding_safe(&origin) {
        return Ok(origin);
    }
    let host = &origin["http://".len()..];
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let refused = format!("Host {name:?} is not allowed (DNS-rebinding protection)");
    Err(if name.parse::<AllowedHost>().is_ok() {
        let message = format!("{refused}; add it with --allowed-host {name}");
        let hint = "or use localhost, an IP address or a name without dots";
        Invalid::new("Host", message).with_hint(hint)
    } else {
        Invalid::new("Host", refused).with_hint("send a valid host name")
    })
}

/// The origin that the request names in its target or its `Host`.
fn requested_origin(headers: &HeaderMap, authority: Option<String>) -> String {
    let host = authority.or_else(|| header(headers, HOST.as_str()).map(str::to_owned));
    format!("http://{}", host.unwrap_or_default())
}

/// Errors: the request comes from a web page of another machine.
fn check_site(
    state: &ServerState,
    headers: &HeaderMap,
    authority: Option<String>,
    has_token: bool,
) -> Result<(), Invalid> {
    let host = check_host(state, headers, authority, has_token)?;
    let subject = "use the control API";
    check_page(headers, subject, |origin| {
        (has_token || state.hosts.is_rebinding_safe(origin))
            && state.hosts.is_local_origin(origin, &host)
    })
}

/// Errors: the request comes from a page that is not accepted.
fn check_page(
    headers: &HeaderMap,
    subject: &str,
    is_accepted: impl Fn(&str) -> bool,
) -> Result<(), Invalid> {
    let hint = "call it from a test or from a page on this machine";
    once(headers, ORIGIN, "Origin")?;
    // Browsers send one of four values, once; any other value is not a browser's and is not trusted.
    once(
        headers,
        HeaderName::from_static("sec-fetch-site"),
        "Sec-Fetch-Site",
    )?;
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let is_near = |site: &[u8]| [&b"same-origin"[..], b"same-site", b"none"].contains(&site);
    if site.is_some_and(|site| !is_near(site)) {
        let message = format!("a page of another site may not {subject}");
        return Err(Invalid::new("Sec-Fetch-Site", message).with_hint(hint));
    }
    let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes);
    match origin.map(String::from_utf8_lossy).as_deref() {
        Some(origin) if !is_accepted(origin) => {
            let message = format!("{origin:?} may not {subject}");
            Err(Invalid::new("Origin", message).with_hint(hint))
        }
        _ => Ok(()),
    }
}
