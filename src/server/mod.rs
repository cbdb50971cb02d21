//! What is one running server? Its listeners, its sandboxes, and an orderly end. How a connection is served is
//! `server/`; where it listens is `server/bound.rs`; what answers is `router.rs`; what is configured is `config.rs`.

pub(crate) mod accept;
mod activity;
mod bound;
mod head;
pub(crate) mod limits;
pub(crate) mod long_steps;
mod pace;
pub(crate) mod request_body;
mod response_body;
pub(crate) mod socket;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::control_api::ListTurn;
use crate::hosts::Hosts;
use crate::http::access_guard::ControlToken;
use crate::invalid::Invalid;
use crate::pages::console::playground::run::Runs;
use crate::sandbox::registry::{CreatedBy, DEFAULT, Registry};
use crate::sandbox::world::janitor;
use crate::server::accept::{Limits, accept};
use crate::server::long_steps::Turn;
use crate::store::{Store, StoreError};

use bound::Bound;

/// What is under way when the server is told to stop may take this long to finish.
const GRACE: Duration = Duration::from_millis(1500);

/// Idle sandboxes are looked for this often at the most, and at the least.
const SHORTEST_ROUND: Duration = Duration::from_millis(100);
const LONGEST_ROUND: Duration = Duration::from_mins(1);

/// A router that still needs the server's state.
pub(crate) type Routes = Router<Arc<App>>;

/// What every request may ask of the server itself.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) registry: Arc<Registry>,
    /// The address that was bound.
    pub(crate) listen: SocketAddr,
    /// The names that the operator has given this server; the origin in answers, whatever the request says, is one.
    pub(crate) hosts: Hosts,
    pub(crate) trust_proxy: bool,
    /// Cancelled when the server stops: whoever would go on for ever ends by it.
    pub(crate) stop: CancellationToken,
    /// The runs of the playground, in every sandbox.
    pub(crate) playground: Runs,
    /// What the control API asks for, if it asks.
    pub(crate) control_token: Option<ControlToken>,
    /// Long lists of the control API are sent one after another.
    pub(crate) list_turn: ListTurn,
    pub(crate) long_turn: Turn,
    /// What the program was built from, where that is known.
    pub(crate) commit: Option<&'static str>,
}

impl App {
    /// The origin for somebody on this machine: the public URL, or the first address.
    pub(crate) fn base_url(&self) -> String {
        self.hosts
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", reachable(self.listen)))
    }
}

/// The address for a client on this machine: one that means every interface is reached by the loopback one.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

/// Which listener a request came in by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Door {
    #[default]
    Main,
    #[cfg(feature = "tls")]
    Tls,
    /// The host that Civitai's API once lived on.
    Legacy,
    /// The port for agents: its root is MCP.
    #[cfg(feature = "mcp")]
    Mcp,
}

impl Door {
    /// The option that says where it is.
    fn flag(self) -> &'static str {
        match self {
            Self::Main => "listen",
            #[cfg(feature = "tls")]
            Self::Tls => "tls-listen",
            Self::Legacy => "legacy-listen",
            #[cfg(feature = "mcp")]
            Self::Mcp => "mcp-listen",
        }
    }

    /// Whether URLs in its answers lead to the main listener instead.
    pub(crate) fn speaks_of_main(self) -> bool {
        match self {
            Self::Main => false,
            #[cfg(feature = "tls")]
            Self::Tls => false,
            Self::Legacy => true,
            #[cfg(feature = "mcp")]
            Self::Mcp => true,
        }
    }

    /// The scheme of URLs that lead back through it.
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

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address}: {why}; choose another with --{flag} (port 0 takes a free one)"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        why: std::io::Error,
        /// The option that it came from.
        flag: &'static str,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration contradicts itself.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// HTTPS cannot be served.
    #[cfg(feature = "tls")]
    #[error(transparent)]
    Tls(#[from] crate::server::tls::TlsError),
}

/// A server that is listening. It stops when it is told to, or dropped.
#[derive(Debug)]
pub struct Server {
    bound: Bound,
    stop: CancellationToken,
    tasks: TaskTracker,
    app: Arc<App>,
}

impl Server {
    /// Opens the database, plants the seed and listens. Errors: the configuration contradicts itself, an address cannot be
    /// listened on, a certificate cannot be used, the database cannot be opened or written.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let blueprint = config.blueprint()?;
        let limits = Limits::of(&config)?;
        let (listeners, bound) = Bound::of(&config)?;
        let store = Store::open(&config.database).await?;
        let (janitor, leavings) = janitor();
        let registry = Registry::open(store.clone(), blueprint, config.max_sandboxes, janitor);
        let stop = CancellationToken::new();
        let app = Arc::new(App {
            registry: Arc::new(registry),
            listen: bound.main(),
            hosts: Hosts {
                public_url: config.public_url,
                allowed: config.allowed_hosts,
            },
            trust_proxy: config.trust_proxy,
            stop: stop.clone(),
            playground: Runs::default(),
            control_token: config.control_token.as_ref().map(ControlToken::of),
            list_turn: ListTurn::default(),
            long_turn: Turn::default(),
            commit: config.commit,
        });
        // Now rather than at the first request: a database that cannot be used is found out here.
        app.registry.sandbox(DEFAULT, CreatedBy::Explicit).await?;
        let tasks = TaskTracker::new();
        for (listener, _) in listeners.bound {
            tasks.spawn(accept(
                listener,
                Arc::clone(&app),
                limits.clone(),
                stop.clone(),
                tasks.clone(),
            ));
        }
        tasks.spawn(leavings.clear(store, stop.clone()));
        tasks.spawn(sweep(Arc::clone(&app), config.sandbox_idle, stop.clone()));
        Ok(Self {
            bound,
            stop,
            tasks,
            app,
        })
    }

    /// What its requests may ask of it.
    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// The address that it listens on: the first, if there are several.
    pub fn address(&self) -> SocketAddr {
        self.bound.main()
    }

    /// Every address that it listens on for HTTP, beside those for the old host and for MCP alone.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.bound.addresses
    }

    /// The address that it listens on for HTTPS.
    #[cfg(feature = "tls")]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.bound.tls.as_ref().map(|(address, _)| *address)
    }

    /// The certificate to trust, in PEM, where the server made its own.
    #[cfg(feature = "tls")]
    pub fn certificate_authority(&self) -> Option<&str> {
        self.bound
            .tls
            .as_ref()
            .and_then(|(_, tls)| tls.authority_pem.as_deref())
    }

    /// The address at which it plays the host that Civitai's API once lived on.
    pub fn legacy_address(&self) -> Option<SocketAddr> {
        self.bound.legacy_address
    }

    /// The address of the port whose root is MCP: the first, if there are several.
    #[cfg(feature = "mcp")]
    pub fn mcp_address(&self) -> Option<SocketAddr> {
        self.bound.mcp_addresses.first().copied()
    }

    /// Every address of a port whose root is MCP.
    #[cfg(feature = "mcp")]
    pub fn mcp_addresses(&self) -> &[SocketAddr] {
        &self.bound.mcp_addresses
    }

    /// Where to point an app: `http://127.0.0.1:8080`, or the public URL.
    pub fn base_url(&self) -> String {
        self.app.base_url()
    }

    /// Takes no more connections, lets what is under way finish within 1.5 s, and closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        self.app.registry.stop_waiting();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some requests were still under way and are cut off");
        }
        self.app.registry.close().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        self.app.registry.stop_waiting();
    }
}

/// Lets sandboxes go that nobody has used for so long.
async fn sweep(app: Arc<App>, idle: Duration, stop: CancellationToken) {
    let mut rounds = tokio::time::interval(idle.div_f64(4.0).clamp(SHORTEST_ROUND, LONGEST_ROUND));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rounds.tick() => {}
        }
        if let Err(why) = app.registry.sweep(idle).await {
            tracing::warn!(%why, "idle sandboxes could not be removed");
        }
    }
}
