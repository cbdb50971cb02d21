//! State of a running server that every request may use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;

use super::control_token::ControlToken;
use super::long_steps::WorkLock;
use crate::hosts::Hosts;
use crate::protocol::origin::parse_origin;
use crate::sandbox::registry::Registry;

/// A router that still needs the server's state.
pub(crate) type Routes = Router<Arc<ServerState>>;

/// State of the server, shared by all requests.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) registry: Arc<Registry>,
    /// The address that was bound.
    pub(crate) listen: SocketAddr,
    /// `Host` headers that need no parsing.
    pub(crate) own_hosts: Vec<String>,
    /// The host names that the operator configured. They include the public origin, which overrides the request's.
    pub(crate) hosts: Hosts,
    pub(crate) trust_proxy: bool,
    /// The token that the control API requires, if any.
    pub(crate) control_token: Option<ControlToken>,
    /// Long lists of the control API are sent one after another.
    pub(crate) long_lists: WorkLock,
    /// Requests that compute for long run one after another.
    pub(crate) long_steps: WorkLock,
    /// The Git commit of the build, if known.
    pub(crate) commit: Option<&'static str>,
}

impl ServerState {
    /// The origin for a client on this machine: the public URL, or the first address.
    pub(crate) fn base_url(&self) -> String {
        self.hosts
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", reachable(self.listen)))
    }
}

/// The `Host` headers of clients on this machine, if origins have them in the same form. Most requests send one of them,
/// and to parse it takes a fifth of the time of a small request.
pub(crate) fn own_hosts(address: SocketAddr) -> Vec<String> {
    let is_unchanged = |host: &String| {
        let origins = ["http", "https"].map(|scheme| format!("{scheme}://{host}"));
        let parsed = origins.clone().map(|origin| parse_origin(&origin));
        parsed == origins.map(Some)
    };
    let hosts = [
        reachable(address).to_string(),
        format!("localhost:{}", address.port()),
    ];
    hosts.into_iter().filter(is_unchanged).collect()
}

/// The address for a client on this machine: an unspecified address becomes the loopback address.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_hosts_have_the_form_that_origins_have() {
        for (address, expected) in [
            ("0.0.0.0:8080", vec!["127.0.0.1:8080", "localhost:8080"]),
            ("[::]:8080", vec!["[::1]:8080", "localhost:8080"]),
            // Origins omit default ports.
            ("127.0.0.1:80", vec![]),
            ("[::1]:443", vec![]),
            // Origins write this address as `[::ffff:7f00:1]`.
            ("[::ffff:127.0.0.1]:8080", vec!["localhost:8080"]),
            // Origins have no scope ids.
            ("[fe80::1%1]:8080", vec!["localhost:8080"]),
        ] {
            assert_eq!(own_hosts(address.parse().unwrap()), expected, "{address}");
        }
    }
}
