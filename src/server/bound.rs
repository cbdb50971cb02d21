//! The listeners of a server: the addresses that it binds, and the fallback if one is in use.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
#[cfg(feature = "tls")]
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};

use super::accept::Listener;
use super::error::StartError;
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::config::Config;
#[cfg(feature = "mcp")]
use crate::config::McpListen;
use crate::http::connection::ListenerKind;

/// Size of the system's send buffer. Small, so that a client that reads slowly is soon seen to read: the system reports
/// a socket as writable again once a third of this is free.
const SEND_BUFFER_BYTES: u32 = 64 * 1024;

/// Number of connections that may wait to be accepted.
const ACCEPT_BACKLOG: u32 = 1024;

fn listen(address: SocketAddr, only_v6: bool) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if only_v6 {
        socket2::SockRef::from(&socket).set_only_v6(true)?;
    }
    // Same as `bind` of the standard library: connections of a previous server in `TIME_WAIT` do not block the address.
    #[cfg(not(windows))]
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(ACCEPT_BACKLOG)
}

/// An address from the configuration.
#[derive(Debug)]
struct ConfiguredAddress {
    kind: ListenerKind,
    address: SocketAddr,
    /// The server starts without this address if it is in use.
    if_free: bool,
}

/// All addresses from the configuration.
fn configured_addresses(config: &Config) -> Vec<ConfiguredAddress> {
    let required = |kind| {
        move |address| ConfiguredAddress {
            kind,
            address,
            if_free: false,
        }
    };
    let main = [config.listen]
        .into_iter()
        .chain(config.also_listen.clone());
    let mut configured: Vec<ConfiguredAddress> = main.map(required(ListenerKind::Main)).collect();
    #[cfg(feature = "tls")]
    configured.extend(
        config
            .tls
            .iter()
            .map(|(address, _)| required(ListenerKind::Tls)(*address)),
    );
    configured.extend(config.legacy_listen.map(required(ListenerKind::Legacy)));
    #[cfg(feature = "mcp")]
    configured.extend(config.mcp_listen.iter().map(|wanted| match *wanted {
        McpListen::At(address) => required(ListenerKind::Mcp)(address),
        McpListen::IfFree(address) => ConfiguredAddress {
            if_free: true,
            ..required(ListenerKind::Mcp)(address)
        },
    }));
    configured
}

/// The listeners, and the address that each one is bound to.
#[derive(Debug)]
pub(super) struct Listeners {
    pub(super) bound: Vec<(Listener, SocketAddr)>,
    configured: Vec<ConfiguredAddress>,
}

impl Listeners {
    /// Listens on one address.
    fn bind(&mut self, address: SocketAddr, kind: ListenerKind) -> Result<SocketAddr, StartError> {
        let refused = |error| StartError::Listen {
            address,
            reason: error,
            flag: kind.flag(),
        };
        let socket = listen(address, self.shares_port_with_v4(address, kind)).map_err(refused)?;
        let bound = socket.local_addr().map_err(refused)?;
        let listener = Listener {
            socket,
            kind,
            #[cfg(feature = "tls")]
            tls: None,
        };
        self.bound.push((listener, bound));
        Ok(bound)
    }

    /// Whether `[::]`, which would include every IPv4 address, is configured together with an IPv4 address of the same
    /// port, in either order. Port 0 is the same port only for the addresses of one option.
    fn shares_port_with_v4(&self, address: SocketAddr, kind: ListenerKind) -> bool {
        let has_same_port = |v4: &SocketAddr| v4.is_ipv4() && v4.port() == address.port();
        let competes = |other: &&ConfiguredAddress| {
            other.kind == kind || (address.port() != 0 && !other.if_free)
        };
        let configured = self.configured.iter().filter(competes);
        let bound = self.bound.iter().map(|(_, bound)| bound);
        address.is_ipv6()
            && address.ip().is_unspecified()
            && configured
                .map(|other| &other.address)
                .chain(bound)
                .any(has_same_port)
    }

    /// Listens on an additional address. Port 0 uses the port of the first address if it is free.
    fn bind_also(
        &mut self,
        first: SocketAddr,
        address: SocketAddr,
        kind: ListenerKind,
    ) -> Result<SocketAddr, StartError> {
        if address.port() == 0 {
            let same_port = SocketAddr::new(address.ip(), first.port());
            if let Ok(bound) = self.bind(same_port, kind) {
                return Ok(bound);
            }
        }
        self.bind(address, kind)
    }

    /// Also listens on `[::1]` if the address is `127.0.0.1` and the port is free there.
    fn bind_other_loopback(
        &mut self,
        address: SocketAddr,
        kind: ListenerKind,
    ) -> Option<SocketAddr> {
        if address.ip() != Ipv4Addr::LOCALHOST {
            return None;
        }
        let other = SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()));
        self.bind(other, kind)
            .inspect_err(
                |error| tracing::debug!(%error, "{address} is the only address listened on"),
            )
            .ok()
    }
}

/// Whether an option repeats an address. Port 0 gets another port each time.
fn is_repeated(bound: &[SocketAddr], address: SocketAddr) -> bool {
    address.port() != 0 && bound.contains(&address)
}

#[cfg(feature = "mcp")]
fn bind_mcp(listeners: &mut Listeners, config: &Config) -> Result<Vec<SocketAddr>, StartError> {
    let mut bound: Vec<SocketAddr> = Vec::new();
    for wanted in &config.mcp_listen {
        let address = match *wanted {
            McpListen::At(address) => {
                if is_repeated(&bound, address) {
                    continue;
                }
                let first = bound.first().copied().unwrap_or(address);
                listeners.bind_also(first, address, ListenerKind::Mcp)?
            }
            McpListen::IfFree(address) => match listeners.bind(address, ListenerKind::Mcp) {
                Ok(address) => address,
                Err(error) => {
                    // This port is only a default, and the main port has MCP too.
                    tracing::info!("{error}; MCP is available only at /mcp of the main port");
                    continue;
                }
            },
        };
        bound.push(address);
        if config.both_loopbacks {
            bound.extend(listeners.bind_other_loopback(address, ListenerKind::Mcp));
        }
    }
    Ok(bound)
}

/// The addresses that the server listens on.
#[derive(Debug)]
pub(super) struct BoundAddresses {
    /// The addresses of `--listen`. The first one is used in responses.
    pub(super) addresses: Vec<SocketAddr>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<(SocketAddr, Arc<Tls>)>,
    pub(super) legacy_address: Option<SocketAddr>,
    #[cfg(feature = "mcp")]
    pub(super) mcp_addresses: Vec<SocketAddr>,
}

impl BoundAddresses {
    /// Listens on all configured addresses.
    pub(super) fn bind(config: &Config) -> Result<(Listeners, Self), StartError> {
        let mut listeners = Listeners {
            bound: Vec::new(),
            configured: configured_addresses(config),
        };
        let address = listeners.bind(config.listen, ListenerKind::Main)?;
        let mut addresses = vec![address];
        for also in &config.also_listen {
            if is_repeated(&addresses, *also) {
                continue;
            }
            addresses.push(listeners.bind_also(address, *also, ListenerKind::Main)?);
        }
        if config.both_loopbacks {
            for address in addresses.clone() {
                addresses.extend(listeners.bind_other_loopback(address, ListenerKind::Main));
            }
        }
        #[cfg(feature = "tls")]
        let tls = match &config.tls {
            None => None,
            Some((address, certificate)) => {
                let tls = Arc::new(Tls::new(certificate)?);
                let bound = listeners.bind(*address, ListenerKind::Tls)?;
                if config.both_loopbacks {
                    listeners.bind_other_loopback(bound, ListenerKind::Tls);
                }
                for (listener, _) in &mut listeners.bound {
                    if listener.kind == ListenerKind::Tls {
                        listener.tls = Some(Arc::clone(&tls));
                    }
                }
                Some((bound, tls))
            }
        };
        let legacy_address = match config.legacy_listen {
            Some(address) => Some(listeners.bind(address, ListenerKind::Legacy)?),
            None => None,
        };
        if let Some(address) = legacy_address
            && config.both_loopbacks
        {
            listeners.bind_other_loopback(address, ListenerKind::Legacy);
        }
        #[cfg(feature = "mcp")]
        let mcp_addresses = bind_mcp(&mut listeners, config)?;
        if config.control_token.is_none() {
            listeners.warn_if_open_to_network();
        }
        let bound = Self {
            addresses,
            #[cfg(feature = "tls")]
            tls,
            legacy_address,
            #[cfg(feature = "mcp")]
            mcp_addresses,
        };
        Ok((listeners, bound))
    }

    /// The address that is used in responses.
    pub(super) fn main(&self) -> SocketAddr {
        self.addresses[0]
    }
}

impl Listeners {
    /// Warns if other machines may reach a listener, and with it the control API.
    fn warn_if_open_to_network(&self) {
        let is_open = |address: &SocketAddr| !address.ip().to_canonical().is_loopback();
        let addresses = self.bound.iter().map(|(_, address)| *address);
        let open: Vec<String> = addresses
            .filter(is_open)
            .map(|address| address.to_string())
            .collect();
        if !open.is_empty() {
            tracing::warn!(
                "{} is reachable from the network, and any host there can use the control API; set --control-token, \
                 or listen on 127.0.0.1",
                open.join(", ")
            );
        }
    }
}
