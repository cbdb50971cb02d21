//! Host names and origins that belong to this machine. An address, a name without dots or a name below `localhost`
//! cannot be rebound to another machine's address; the operator adds further names with `--allowed-host` and `--public-url`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use url::{Host, Url};

use crate::protocol::redirect_uri::is_loopback_host;

/// The host names that the operator has added.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hosts {
    /// The origin of `--public-url`.
    pub(crate) public_url: Option<String>,
    pub(crate) allowed: Vec<AllowedHost>,
}

/// A name of `--allowed-host`: `mock.example`, or `*.example` for every name below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AllowedHost {
    name: String,
    with_subdomains: bool,
}

impl FromStr for AllowedHost {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let error = || {
            format!(
                "{text:?} is not a host name; write a name without scheme and port, such as mock.example, or *.example"
            )
        };
        let (name, with_subdomains) = match text.strip_prefix("*.") {
            Some(name) => (name, true),
            None => (text, false),
        };
        match Host::parse(name) {
            Ok(Host::Domain(name)) if !name.contains('*') => Ok(Self {
                name: without_dot(&name).to_owned(),
                with_subdomains,
            }),
            // An address is allowed already, and has no names below it.
            Ok(Host::Ipv4(_) | Host::Ipv6(_)) if !with_subdomains => Ok(Self {
                name: name.to_owned(),
                with_subdomains,
            }),
            _ => Err(error()),
        }
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wildcard = if self.with_subdomains { "*." } else { "" };
        write!(f, "{wildcard}{}", self.name)
    }
}

impl AllowedHost {
    fn covers(&self, name: &str) -> bool {
        if self.with_subdomains {
            let below = name.strip_suffix(&self.name);
            below.is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        } else {
            name == self.name
        }
    }
}

impl Hosts {
    /// Whether no stranger can own the host of this origin: it is loopback, an address, a single label, or a name that the
    /// operator has added.
    pub(crate) fn is_rebinding_safe(&self, origin: &str) -> bool {
        let Ok(url) = Url::parse(origin) else {
            return false;
        };
        // Other origins, such as a file or an extension, are no pages of this machine's servers.
        if !["http", "https"].contains(&url.scheme()) || url.authority().contains('@') {
            return false;
        }
        match url.host() {
            Some(Host::Ipv4(_) | Host::Ipv6(_)) => true,
            Some(Host::Domain(name)) => {
                let name = without_dot(name);
                !name.contains('.')
                    || name.ends_with(".localhost")
                    || name.parse::<IpAddr>().is_ok()
                    || self.is_added(name)
            }
            None => false,
        }
    }

    fn is_added(&self, name: &str) -> bool {
        let public = self.public_url.as_deref().and_then(host);
        let is_public =
            matches!(public, Some(Host::Domain(public)) if without_dot(&public) == name);
        is_public || self.allowed.iter().any(|allowed| allowed.covers(name))
    }

    /// Whether a page of this origin can be one of this machine: an address or a name without dots may be any machine of the
    /// network, so that it must be loopback, the host that the request was sent to, or that of `--public-url`.
    pub(crate) fn is_local_origin(&self, origin: &str, requested: &str) -> bool {
        match host(origin) {
            Some(page) if is_loopback_host(&page) => true,
            None => false,
            page => page == host(requested) || page == self.public_url.as_deref().and_then(host),
        }
    }
}

fn host(url: &str) -> Option<Host> {
    Some(Url::parse(url).ok()?.host()?.to_owned())
}

/// A name may end in the dot of the root.
fn without_dot(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(allowed: &[&str]) -> Hosts {
        Hosts {
            public_url: None,
            allowed: allowed.iter().map(|name| name.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn an_allowed_host_covers_itself_and_a_wildcard_what_is_below_it() {
        let hosts = hosts(&["Host.Docker.Internal", "*.svc.cluster.local"]);
        for ours in [
            "http://host.docker.internal:8080",
            "http://HOST.docker.internal.",
            "http://mock.ci.svc.cluster.local",
            "http://mock.svc.cluster.local:8080",
        ] {
            assert!(hosts.is_rebinding_safe(ours), "{ours}");
        }
        for foreign in [
            "http://docker.internal",
            "http://x.host.docker.internal",
            "http://svc.cluster.local",
            "http://evilsvc.cluster.local",
            "http://mock.svc.cluster.local.evil.test",
            "http://u@host.docker.internal",
            "ftp://host.docker.internal",
        ] {
            assert!(!hosts.is_rebinding_safe(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_allowed_host_is_a_name() {
        for wrong in [
            "",
            "*",
            "*.",
            "http://mock.example",
            "mock.example:8080",
            "mock.*",
            "*.*.example",
            "a b",
            "mock.example/x",
            "*.127.0.0.1",
        ] {
            assert!(wrong.parse::<AllowedHost>().is_err(), "{wrong:?}");
        }
        for right in ["mock.example", "*.example", "mock", "10.0.0.1", "[::1]"] {
            assert!(right.parse::<AllowedHost>().is_ok(), "{right:?}");
        }
    }
}
