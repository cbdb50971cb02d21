//! The public base URL: the origin that the client used and the sandbox's prefix. Every URL in a response starts with
//! it.

use std::fmt;
use std::sync::Arc;

use axum::http::header::HOST;
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{Extensions, HeaderMap, Uri};
use percent_encoding::percent_decode_str;
use url::Url;

use crate::http::connection::ConnectionInfo;
use crate::http::state::ServerState;
use crate::protocol::origin::parse_origin;
use crate::sandbox::name;

const PREFIX: &str = "/_sandbox/";

/// The sandbox that the path names, as its prefix. Removed from the path before routing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SandboxPrefix(Option<Arc<str>>);

impl SandboxPrefix {
    /// The path prefix of a sandbox.
    pub(crate) fn for_name(name: &str) -> String {
        format!("{PREFIX}{name}")
    }

    /// Splits `/_sandbox/{name}/rest` into the sandbox and `/rest`. An invalid name is not split off, so that no route
    /// matches.
    pub(crate) fn split(uri: &Uri) -> Option<(Self, Uri)> {
        let (name, rest) = segments(uri.path())?;
        name::check(name).ok()?;
        let target = match uri.query() {
            Some(query) => format!("/{rest}?{query}"),
            None => format!("/{rest}"),
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(target.parse().ok()?);
        Some((
            Self(Some(Self::for_name(name).into())),
            Uri::from_parts(parts).ok()?,
        ))
    }

    /// What is wrong with the name of the sandbox in a path that [`Self::split`] does not split.
    pub(crate) fn name_error(path: &str) -> Option<String> {
        let (name, _) = segments(path)?;
        let decoded = percent_decode_str(name).decode_utf8_lossy();
        let checked = name::check(&decoded).and_then(|()| name::check(name));
        checked.err()
    }

    /// The sandbox of a request; the default one if its path named none.
    pub(crate) fn from_extensions(extensions: &Extensions) -> Self {
        extensions.get::<Self>().cloned().unwrap_or_default()
    }

    pub(crate) fn name(&self) -> &str {
        let prefix = self.0.as_deref();
        prefix.map_or(name::DEFAULT, |prefix| &prefix[PREFIX.len()..])
    }

    /// The path prefix; empty for the default sandbox.
    fn prefix(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// The name of the sandbox in a path, and what follows it after a slash.
fn segments(path: &str) -> Option<(&str, &str)> {
    let inside = path.strip_prefix(PREFIX)?;
    Some(inside.split_once('/').unwrap_or((inside, "")))
}

/// The base of every URL of this server: `http://localhost:8080`, or `http://localhost:8080/_sandbox/x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl {
    origin: String,
    sandbox: SandboxPrefix,
}

impl BaseUrl {
    /// Built from `--public-url`, else from the headers of a trusted proxy, else from `Host`.
    pub(crate) fn new(parts: &Parts, state: &ServerState, sandbox: SandboxPrefix) -> Self {
        let origin = state.hosts.public_url.clone().unwrap_or_else(|| {
            let listener = ConnectionInfo::listener(&parts.extensions);
            let (scheme, host) = if state.trust_proxy {
                forwarded(&parts.headers)
            } else {
                (None, None)
            };
            let scheme = scheme
                .filter(|scheme| matches!(scheme.as_str(), "http" | "https"))
                .unwrap_or_else(|| listener.scheme().to_owned());
            let host = host.or_else(|| {
                let authority = parts.extensions.get::<Authority>().map(ToString::to_string);
                let header = || Some(parts.headers.get(HOST)?.to_str().ok()?.to_owned());
                authority.or_else(header)
            });
            let to_origin = |host: String| {
                let origin = format!("{scheme}://{host}");
                if state.own_hosts.contains(&host) {
                    return Some(origin);
                }
                parse_origin(&origin)
            };
            match host.and_then(to_origin) {
                // The legacy host and the MCP port advertise the URLs of the main listener only.
                Some(origin) if listener.advertises_main_origin() => {
                    with_port(&origin, state.listen.port())
                }
                Some(origin) => origin,
                None => format!("{scheme}://{}", state.listen),
            }
        });
        Self { origin, sandbox }
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The `Path` attribute of this sandbox's cookies.
    pub(crate) fn cookie_path(&self) -> &str {
        self.sandbox.0.as_deref().unwrap_or("/")
    }

    /// Whether the client uses HTTPS.
    pub(crate) fn is_https(&self) -> bool {
        self.origin.starts_with("https://")
    }

    /// A path of this server with the sandbox's prefix, as written in a `Location` or a form.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.prefix())
    }

    /// Where to continue after sign-in: `wanted` if it stays on this origin, else the sandbox's home page.
    pub(crate) fn return_path(&self, wanted: &str) -> String {
        let home = || self.path("/");
        let Ok(here) = Url::parse(&self.origin) else {
            return home();
        };
        match here.join(wanted) {
            // Joined as a browser would, so that `//host` and `/\host` are recognized. `/.//host` joins to the path
            // `//host`, which would be another origin at the next redirect.
            Ok(there)
                if wanted.starts_with('/')
                    && there.origin() == here.origin()
                    && !there.path().starts_with("//") =>
            {
                there[url::Position::BeforePath..].to_owned()
            }
            _ => home(),
        }
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.sandbox.prefix())
    }
}

/// The same host at another port.
fn with_port(origin: &str, port: u16) -> String {
    let moved = Url::parse(origin).ok().and_then(|mut url| {
        url.set_port(Some(port)).ok()?;
        Some(url.origin().ascii_serialization())
    });
    moved.unwrap_or_else(|| origin.to_owned())
}

/// Scheme and host of the first proxy's `Forwarded` (RFC 7239), else of `X-Forwarded-Proto` and `-Host`.
fn forwarded(headers: &HeaderMap) -> (Option<String>, Option<String>) {
    let first = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.split(',').next()?.trim().to_owned())
    };
    if let Some(element) = first("forwarded") {
        let field = |wanted: &str| {
            element.split(';').find_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                name.eq_ignore_ascii_case(wanted)
                    .then(|| value.trim_matches('"').to_owned())
            })
        };
        return (field("proto"), field("host"));
    }
    (first("x-forwarded-proto"), first("x-forwarded-host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(prefix: &str) -> BaseUrl {
        BaseUrl {
            origin: "http://localhost:8080".into(),
            sandbox: SandboxPrefix(Some(prefix.into())),
        }
    }

    #[test]
    fn sandbox_prefix_is_split_off_the_path() {
        let uri: Uri = "/_sandbox/x/login?a=b".parse().unwrap();
        let (path, rest) = SandboxPrefix::split(&uri).unwrap();
        assert_eq!(
            (path.name(), rest.to_string()),
            ("x", "/login?a=b".to_owned())
        );
        let (_, rest) = SandboxPrefix::split(&"/_sandbox/x".parse().unwrap()).unwrap();
        assert_eq!(rest.to_string(), "/");
        for unnamed in ["/login", "/_sandbox/", "/_sandbox//x", "/_sandbox/%2e/x"] {
            assert!(
                SandboxPrefix::split(&unnamed.parse().unwrap()).is_none(),
                "{unnamed}"
            );
        }
    }

    #[test]
    fn return_path_stays_on_this_origin() {
        let base = base("/_sandbox/x");
        for away in [
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "/\t/evil.example",
            "/.//evil.example",
            "/x/..//evil.example",
            "javascript:alert(1)",
            "evil",
            "",
            "\\\\evil.example",
        ] {
            assert_eq!(base.return_path(away), "/_sandbox/x/", "{away:?}");
        }
        assert_eq!(base.return_path("/login?x=%2Fy#z"), "/login?x=%2Fy#z");
    }
}
