//! A running server: it binds its listeners, accepts connections, evicts idle sandboxes, and stops in order. The
//! service that answers requests comes from `router.rs`.

mod accept;
mod activity;
mod bound;
mod connection;
mod drain;
mod error;
mod head;
mod limits;
mod pace;
mod request_body;
mod response_body;
mod socket;
#[cfg(test)]
mod tests;
#[cfg(feature = "tls")]
pub(crate) mod tls;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use error::StartError;

use crate::config::Config;
use crate::hosts::Hosts;
use crate::http::control_token::ControlToken;
use crate::http::long_steps::WorkLock;
#[cfg(feature = "internals")]
use crate::http::root_service::RootService;
use crate::http::state::{ServerState, own_hosts};
use crate::router;
use crate::sandbox::name::DEFAULT;
use crate::sandbox::registry::Registry;
use crate::sandbox::template::CreatedBy;
use crate::store::Store;
use accept::accept;
use bound::BoundAddresses;
use connection::Shared;
use limits::Limits;

/// Requests in flight when the server stops may take this long to finish.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(1500);

/// Bounds of the interval between two searches for idle sandboxes.
const MIN_EVICTION_INTERVAL: Duration = Duration::from_millis(100);
const MAX_EVICTION_INTERVAL: Duration = Duration::from_mins(1);

/// A server that is listening. It stops when [`Server::stop`] is called, or when it is dropped.
#[derive(Debug)]
pub struct Server {
    bound: BoundAddresses,
    stop: CancellationToken,
    tasks: TaskTracker,
    state: Arc<ServerState>,
    #[cfg(feature = "internals")]
    service: RootService,
}

impl Server {
    /// Opens the database, loads the seed and listens. Errors: the configuration contradicts itself, an address cannot
    /// be listened on, a certificate cannot be used, the database cannot be opened or written.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let template = config.template()?;
        let limits = Limits::new(&config)?;
        let (listeners, bound) = BoundAddresses::bind(&config)?;
        let store = Store::open(&config.database).await?;
        let stop = CancellationToken::new();
        let registry = Registry::open(store.clone(), template, config.max_sandboxes, stop.clone());
        let state = Arc::new(ServerState {
            registry: Arc::new(registry),
            listen: bound.main(),
            own_hosts: own_hosts(bound.main()),
            hosts: Hosts {
                public_url: config.public_url,
                allowed: config.allowed_hosts,
            },
            trust_proxy: config.trust_proxy,
            control_token: config.control_token.as_ref().map(ControlToken::new),
            long_lists: WorkLock::default(),
            long_steps: WorkLock::default(),
            commit: config.commit,
        });
        // Created now and not at the first request, so that an unusable database is found at startup.
        state
            .registry
            .get_or_create(DEFAULT, CreatedBy::Explicit)
            .await?;
        let tasks = TaskTracker::new();
        let service = router::service(Arc::clone(&state));
        let shared = Shared {
            service: service.clone(),
            limits,
            long_steps: state.long_steps.clone(),
            stop: stop.clone(),
        };
        for (listener, _) in listeners.bound {
            tasks.spawn(accept(listener, shared.clone(), tasks.clone()));
        }
        tasks.spawn(store.remove_retired_data(stop.clone()));
        tasks.spawn(evict_idle_sandboxes(
            Arc::clone(&state),
            config.sandbox_idle,
            stop.clone(),
        ));
        Ok(Self {
            bound,
            stop,
            tasks,
            state,
            #[cfg(feature = "internals")]
            service,
        })
    }

    /// Answers requests without a socket.
    #[cfg(feature = "internals")]
    pub(crate) fn service(&self) -> &RootService {
        &self.service
    }

    /// The state that its requests share.
    pub(crate) fn state(&self) -> &Arc<ServerState> {
        &self.state
    }

    /// The address that it listens on: the first, if there are several.
    pub fn address(&self) -> SocketAddr {
        self.bound.main()
    }

    /// All addresses that it listens on for HTTP, except those of the legacy host and of the MCP port.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.bound.addresses
    }

    /// The address that it listens on for HTTPS.
    #[cfg(feature = "tls")]
    pub fn tls_address(&self) -> Option<SocketAddr> {
        self.bound.tls.as_ref().map(|(address, _)| *address)
    }

    /// The certificate to trust, in PEM, if the server generated its own.
    #[cfg(feature = "tls")]
    pub fn certificate_authority(&self) -> Option<&str> {
        self.bound
            .tls
            .as_ref()
            .and_then(|(_, tls)| tls.authority_pem.as_deref())
    }

    /// The address at which it acts as the former host of Civitai's API.
    pub fn legacy_address(&self) -> Option<SocketAddr> {
        self.bound.legacy_address
    }

    /// The address of the port whose root is MCP: the first, if there are several.
    #[cfg(feature = "mcp")]
    pub fn mcp_address(&self) -> Option<SocketAddr> {
        self.bound.mcp_addresses.first().copied()
    }

    /// All addresses whose root is MCP.
    #[cfg(feature = "mcp")]
    pub fn mcp_addresses(&self) -> &[SocketAddr] {
        &self.bound.mcp_addresses
    }

    /// The URL for apps: `http://127.0.0.1:8080`, or the public URL.
    pub fn base_url(&self) -> String {
        self.state.base_url()
    }

    /// Accepts no more connections, waits up to 1.5 s for requests in flight, and closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN_TIMEOUT, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!("some requests were still in progress and were aborted");
        }
        self.state.registry.close().await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Removes sandboxes that were not used for this long.
async fn evict_idle_sandboxes(state: Arc<ServerState>, idle: Duration, stop: CancellationToken) {
    let mut rounds = tokio::time::interval(
        idle.div_f64(4.0)
            .clamp(MIN_EVICTION_INTERVAL, MAX_EVICTION_INTERVAL),
    );
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = rounds.tick() => {}
        }
        if let Err(error) = state.registry.evict_idle(idle).await {
            tracing::warn!(%error, "idle sandboxes could not be removed");
        }
    }
}
