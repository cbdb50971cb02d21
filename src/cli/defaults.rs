//! Addresses that apply when none is set.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Listened on with `[::1]:8080`, if that is free.
pub(super) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Where the published capability has its MCP adapter, on the addresses of `--listen`.
pub(super) const DEFAULT_MCP_PORT: u16 = 9090;
