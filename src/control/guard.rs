//! Who may use the control API? Anybody on any listener, since containers need that – but not a hostile web page on
//! the developer's machine: neither by a cross-site request nor by a name of its own that leads here (DNS
//! rebinding). `--control-token` asks for a bearer token besides.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CACHE_CONTROL, HOST, ORIGIN, X_CONTENT_TYPE_OPTIONS};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use url::{Host, Url};

use crate::exchange::Visit;
use crate::invalid::Invalid;
use crate::oauth::{respond, session};
use crate::protocol::redirect_uri::is_loopback_host;
use crate::protocol::secret::{Secret, SecretHash};
use crate::sandbox::entropy::Entropy;
use crate::server::App;

/// The layer around every control route.
pub(crate) async fn admit(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let authority = authority(&request);
    match check(&app, request.headers(), authority) {
        Ok(()) => private(next.run(request).await),
        Err((status, why)) => {
            let error = if status == StatusCode::UNAUTHORIZED {
                "unauthorized"
            } else {
                "forbidden"
            };
            respond::invalid(status, error, &why)
        }
    }
}

/// What a control call answers may hold secrets, and is JSON: it is for whoever asked, and nothing else.
fn private(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The layer around pages that show who somebody is or what an app is given, and forms that act for whoever is signed in:
/// what changes nothing may come from anywhere, as a link may, but by a name that is ours.
pub(crate) async fn same_site(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    let authority = authority(&request);
    let visit = request.extensions().get::<Arc<Visit>>();
    let headers = visit.map_or_else(|| request.headers(), |visit| &visit.headers);
    let checked = if request.method().is_safe() {
        check_host(&app, headers, authority).map(drop)
    } else {
        check_site(&app, headers, authority)
    };
    match checked {
        Ok(()) => next.run(request).await,
        Err(why) => respond::invalid(StatusCode::FORBIDDEN, "forbidden", &why),
    }
}

/// What a browser that has shown the token once shows from then on.
pub(crate) const COOKIE: &str = "mock-control";

/// The token of `--control-token`.
#[derive(Debug)]
pub(crate) struct ControlToken {
    hash: SecretHash,
    /// The value of the cookie: of this run alone, and nothing of the token is in it. Other servers of this machine are
    /// sent it too, since cookies know no ports.
    cookie: Secret,
}

impl ControlToken {
    pub(crate) fn of(token: &Secret) -> Self {
        Self {
            hash: token.hash(),
            // Not by --entropy-seed: that would foretell it.
            cookie: Entropy::new(None, "", 0).cookie(),
        }
    }

    pub(crate) fn is(&self, given: &str) -> bool {
        self.hash.is_of(given)
    }

    pub(crate) fn cookie(&self) -> &str {
        self.cookie.reveal()
    }
}

/// Whether the browser has shown the token. Other sites' requests are refused before this is asked.
fn is_unlocked(headers: &HeaderMap, token: &ControlToken) -> bool {
    session::cookie(headers, COOKIE).is_some_and(|shown| token.cookie.hash().is_of(&shown))
}

/// The host that HTTP/2 and clients of proxies name in the target.
pub(crate) fn authority(request: &Request) -> Option<String> {
    request
        .extensions()
        .get::<Authority>()
        .map(ToString::to_string)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether the control API may be used. Errors: 403 for a page of another site, 401 without the token.
pub(crate) fn check(
    app: &App,
    headers: &HeaderMap,
    authority: Option<String>,
) -> Result<(), (StatusCode, Invalid)> {
    check_site(app, headers, authority).map_err(|why| (StatusCode::FORBIDDEN, why))?;
    if let Some(token) = &app.control_token {
        let given = text(headers, AUTHORIZATION.as_str())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token);
        let by_header = given.is_some_and(|given| token.is(given));
        if !by_header && !is_unlocked(headers, token) {
            let why = Invalid::new("Authorization", "the control API asks for its token");
            let hint = "send \"Authorization: Bearer …\" with what --control-token says";
            return Err((StatusCode::UNAUTHORIZED, why.with_hint(hint)));
        }
    }
    Ok(())
}

/// That a header is there once at the most.
fn once(headers: &HeaderMap, name: HeaderName, shown: &str) -> Result<(), Invalid> {
    if headers.get_all(name).iter().nth(1).is_none() {
        return Ok(());
    }
    let why = Invalid::new(shown, "given more than once");
    Err(why.with_hint(format!("send one {shown} header")))
}

/// Whether the request asks for this machine by a name that no stranger can own. The origin that it asks for.
fn check_host(
    app: &App,
    headers: &HeaderMap,
    authority: Option<String>,
) -> Result<String, Invalid> {
    once(headers, HOST, "Host")?;
    let host = authority
        .or_else(|| text(headers, HOST.as_str()).map(str::to_owned))
        .unwrap_or_default();
    let host = format!("http://{host}");
    if !is_ours(app, &host) {
        let why = Invalid::new(
            "Host",
            format!("{:?} may be another's name for this machine", &host[7..]),
        );
        return Err(why.with_hint(
            "use localhost, an IP address or a name without dots, or set --public-url",
        ));
    }
    Ok(host)
}

/// Whether the request can come from a page of this machine, or from no page at all.
fn check_site(app: &App, headers: &HeaderMap, authority: Option<String>) -> Result<(), Invalid> {
    let text = |name: &str| text(headers, name);
    let host = check_host(app, headers, authority)?;
    once(headers, ORIGIN, "Origin")?;
    if text("sec-fetch-site") == Some("cross-site") {
        let why = Invalid::new(
            "Sec-Fetch-Site",
            "a page of another site may not use the control API",
        );
        return Err(why.with_hint("call it from a test or from this machine's own pages"));
    }
    if let Some(origin) = text(ORIGIN.as_str())
        && !(is_ours(app, origin) && is_near(app, origin, &host))
    {
        let why = Invalid::new("Origin", format!("{origin:?} may not use the control API"));
        return Err(why.with_hint("call it from a test or from this machine's own pages"));
    }
    Ok(())
}

/// Whether the page of this origin can be of this machine: anybody can serve one from an address, and any other machine
/// of the network from a name without dots, so that it must be loopback, the host that the request came to, or that of
/// `--public-url`.
fn is_near(app: &App, origin: &str, asked: &str) -> bool {
    let host = |url: &str| Some(Url::parse(url).ok()?.host()?.to_owned());
    match host(origin) {
        Some(page) if is_loopback_host(&page) => true,
        page => page == host(asked) || page == app.public_url.as_deref().and_then(host),
    }
}

/// Whether no stranger can own the host of this origin: it is loopback, an address, a single label, or ours by
/// `--public-url`.
fn is_ours(app: &App, origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else {
        return false;
    };
    // Whatever else a browser may call an origin – a file, an extension – is no page of this machine's servers.
    if !["http", "https"].contains(&url.scheme()) || url.authority().contains('@') {
        return false;
    }
    let public = app
        .public_url
        .as_deref()
        .and_then(|url| Url::parse(url).ok());
    if public.is_some_and(|public| public.host() == url.host()) {
        return true;
    }
    match url.host() {
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            !name.contains('.') || name.ends_with(".localhost") || name.parse::<IpAddr>().is_ok()
        }
        None => false,
    }
}
