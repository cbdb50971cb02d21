//! Facts about the connection of a request, and the handle to reset it.

use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::http::Extensions;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

/// The listener that accepted a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum ListenerKind {
    #[default]
    Main,
    #[cfg(feature = "tls")]
    Tls,
    /// The former host of Civitai's API.
    Legacy,
    /// The port for agents: MCP is at its root.
    #[cfg(feature = "mcp")]
    Mcp,
}

impl ListenerKind {
    /// The option that sets its address.
    pub(crate) fn flag(self) -> &'static str {
        match self {
            Self::Main => "listen",
            #[cfg(feature = "tls")]
            Self::Tls => "tls-listen",
            Self::Legacy => "legacy-listen",
            #[cfg(feature = "mcp")]
            Self::Mcp => "mcp-listen",
        }
    }

    /// Whether URLs in its responses point to the main listener.
    pub(crate) fn advertises_main_origin(self) -> bool {
        match self {
            Self::Main => false,
            #[cfg(feature = "tls")]
            Self::Tls => false,
            Self::Legacy => true,
            #[cfg(feature = "mcp")]
            Self::Mcp => true,
        }
    }

    /// The scheme of URLs that point to this listener.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::Main | Self::Legacy => "http",
            #[cfg(feature = "mcp")]
            Self::Mcp => "http",
            #[cfg(feature = "tls")]
            Self::Tls => "https",
        }
    }
}

/// Interval between two checks of whether a client is still connected.
const CHECK_INTERVAL: Duration = Duration::from_millis(50);

/// Facts about a connection. All requests of the connection share it through their extensions.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionInfo {
    pub(crate) listener: ListenerKind,
    /// The address of the client.
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) reset: ConnectionReset,
    /// None for a loopback request.
    pub(crate) socket: Option<PeerSocket>,
    /// Counts the connection against the connection limit while one of its requests runs.
    pub(crate) permit: Option<Arc<OwnedSemaphorePermit>>,
    /// Receives the journal id of a loopback request; ids start at 1.
    pub(crate) recorded_id: Option<Arc<AtomicU64>>,
}

impl ConnectionInfo {
    pub(crate) fn from_extensions(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Arc<Self>>().map(Arc::as_ref)
    }

    /// The listener of a request; the main one if the request has no connection.
    pub(crate) fn listener(extensions: &Extensions) -> ListenerKind {
        Self::from_extensions(extensions)
            .map_or_else(ListenerKind::default, |connection| connection.listener)
    }
}

/// Resets a connection, so that the client gets no response.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectionReset(CancellationToken);

impl ConnectionReset {
    /// Waits until the reset is requested.
    pub(crate) async fn requested(&self) {
        self.0.cancelled().await;
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.is_cancelled()
    }

    pub(crate) fn request(&self) {
        self.0.cancel();
    }
}

/// The socket of the client that sent a request.
#[derive(Debug, Clone)]
pub(crate) struct PeerSocket(pub(crate) Weak<TcpStream>);

impl PeerSocket {
    /// Resolves once the client has closed its sending side. A half-closed connection counts as closed: this is for
    /// clients that the server would wait for.
    pub(crate) async fn hung_up(&self) {
        loop {
            let Some(stream) = self.0.upgrade() else {
                return;
            };
            match stream.ready(Interest::READABLE).await {
                Ok(ready) if !ready.is_read_closed() => {}
                Ok(_) | Err(_) => return,
            }
            // The bytes that arrived belong to the next request and are not read here; the end of the stream may
            // follow.
            tokio::time::sleep(CHECK_INTERVAL).await;
        }
    }
}

/// The permits of a running HTTP/2 request, for its connection and for the server, stored in the request's extensions.
#[derive(Debug, Clone)]
pub(crate) struct RequestPermits {
    _permits: Arc<[OwnedSemaphorePermit; 2]>,
}

impl RequestPermits {
    pub(crate) fn new(connection: OwnedSemaphorePermit, server: OwnedSemaphorePermit) -> Self {
        Self {
            _permits: Arc::new([connection, server]),
        }
    }
}

/// Permits that a request holds until it has run to completion, even if its client disconnects: the connection's and
/// its own.
#[derive(Debug)]
pub(crate) struct Permits {
    _connection: Option<Arc<OwnedSemaphorePermit>>,
    _request: Option<RequestPermits>,
}

impl Permits {
    /// The permits of the request that has these extensions.
    pub(crate) fn from_extensions(extensions: &Extensions) -> Self {
        let connection = ConnectionInfo::from_extensions(extensions);
        Self {
            _connection: connection.and_then(|connection| connection.permit.clone()),
            _request: extensions.get::<RequestPermits>().cloned(),
        }
    }
}
