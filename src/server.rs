//! How does it listen? Sockets, connections, limits on slow ones, and an orderly end. What answers is
//! `router.rs`; what is configured is `config.rs`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use crate::config::Config;
use crate::invalid::Invalid;
use crate::router;
use crate::sandbox::open_store;
use crate::sandbox::registry::{DEFAULT, Registry};
use crate::store::StoreError;

/// A connection that takes longer to send a request's head is closed.
const SLOWEST_HEAD: Duration = Duration::from_secs(30);

/// What is under way when the server is told to stop may take this long to finish.
const GRACE: Duration = Duration::from_millis(1500);

/// Between two tries to accept a connection when the system has no file descriptor to give.
const BREATH: Duration = Duration::from_millis(50);

/// A router that still needs the server's state.
pub(crate) type Routes = Router<Arc<App>>;

/// What every request may ask of the server itself.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) registry: Registry,
    /// The address that was bound.
    pub(crate) listen: SocketAddr,
    /// The origin in answers, whatever the request says.
    pub(crate) public_url: Option<String>,
    pub(crate) trust_proxy: bool,
}

/// Where a connection comes from; on every request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error(
        "cannot listen on {address}: {why}; choose another with --listen (port 0 takes a free one)"
    )]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        why: std::io::Error,
    },
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration contradicts itself.
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// A server that is listening. It stops when it is told to, or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
    app: Arc<App>,
}

impl Server {
    /// Opens the database, plants the seed and listens.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let blueprint = config.blueprint()?;
        let refused = |why| StartError::Listen {
            address: config.listen,
            why,
        };
        let listener = TcpListener::bind(config.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let store = open_store(&config.database).await?;
        let app = Arc::new(App {
            registry: Registry::new(store, blueprint),
            listen: address,
            public_url: config.public_url,
            trust_proxy: config.trust_proxy,
        });
        // Now rather than at the first request: a database that cannot be used is found out here.
        app.registry.sandbox(DEFAULT).await?;
        let server = Self {
            address,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            app: Arc::clone(&app),
        };
        let accepting = accept(listener, app, server.stop.clone(), server.tasks.clone());
        server.tasks.spawn(accepting);
        Ok(server)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where to point an app: `http://127.0.0.1:8080`, or the public URL.
    pub fn base_url(&self) -> String {
        self.app
            .public_url
            .clone()
            .unwrap_or_else(|| format!("http://{}", self.address))
    }

    /// Takes no more connections, lets what is under way finish within 1.5 s, and closes the database.
    pub async fn stop(self) {
        self.stop.cancel();
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
    }
}

async fn accept(listener: TcpListener, app: Arc<App>, stop: CancellationToken, tasks: TaskTracker) {
    let router = router::service(app);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Small answers go out at once; a socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                let service = router
                    .clone()
                    .map_request(move |request| with_peer(request, peer));
                tasks.spawn(serve(stream, service, stop.clone()));
            }
            Err(why) => {
                tracing::warn!(%why, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

fn with_peer(request: hyper::Request<hyper::body::Incoming>, peer: SocketAddr) -> Request {
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(Peer(peer));
    request
}

async fn serve<S>(stream: TcpStream, service: S, stop: CancellationToken)
where
    S: tower::Service<
            hyper::Request<hyper::body::Incoming>,
            Response = axum::response::Response,
            Error = std::convert::Infallible,
            Future: Send,
        > + Clone
        + Send
        + 'static,
{
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(SLOWEST_HEAD)
        .half_close(true);
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(why) = ended {
        tracing::debug!(%why, "a connection ended early");
    }
}
