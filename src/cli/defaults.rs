//! Default addresses: of the server's listener and of the MCP adapter.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The address without `--listen`. The server listens on `[::1]:8080` as well, if that is free.
pub(super) const DEFAULT_LISTEN: SocketAddr =
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// The port of the MCP adapter without `--mcp-listen`; its addresses are those of `--listen`.
pub(super) const DEFAULT_MCP_PORT: u16 = 9090;
