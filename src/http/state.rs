//! State of a running server that every request may use.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use tokio_util::sync::CancellationToken;

use super::control_token::ControlToken;
use super::long_steps::Turn;
use crate::hosts::Hosts;
use crate::sandbox::registry::Registry;

/// A router that still needs the server's state.
pub(crate) type Routes = Router<Arc<ServerState>>;

/// State of the server, shared by all requests.
#[derive(Debug)]
pub(crate) struct ServerState {
    pub(crate) registry: Arc<Registry>,
    /// The address that was bound.
    pub(crate) listen: SocketAddr,
    /// The host names that the operator configured. They include the public origin, which overrides the request's.
    pub(crate) hosts: Hosts,
    pub(crate) trust_proxy: bool,
    /// Cancelled when the server stops; ends responses that would never end.
    pub(crate) stop: CancellationToken,
    /// The token that the control API requires, if any.
    pub(crate) control_token: Option<ControlToken>,
    /// Long lists of the control API are sent one after another.
    pub(crate) list_turn: Turn,
    /// Requests that compute for long run one after another.
    pub(crate) long_turn: Turn,
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

/// The address for a client on this machine: an unspecified address becomes the loopback address.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}
