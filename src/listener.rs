//! How does a connection become requests? Accepting, HTTPS, limits on slow heads, and an orderly end. Who
//! listens where is `server.rs`; what answers is `router.rs`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
#[cfg(feature = "tls")]
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use crate::router;
use crate::server::{App, Door, Peer};
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// A connection that takes longer to send a request's head is closed.
const SLOWEST_HEAD: Duration = Duration::from_secs(30);

/// A client that takes longer over a TLS handshake is given up.
#[cfg(feature = "tls")]
const SLOWEST_HANDSHAKE: Duration = Duration::from_secs(10);

/// Between two tries to accept a connection when the system has no file descriptor to give.
const BREATH: Duration = Duration::from_millis(50);

/// One address that is listened on.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) door: Door,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Accepts connections until it is told to stop.
pub(crate) async fn accept(
    listener: Listener,
    app: Arc<App>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let router = router::service(app);
    let door = listener.door;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Small answers go out at once; a socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                let service = router
                    .clone()
                    .map_request(move |request| mark(request, door, peer));
                let stop = stop.clone();
                #[cfg(feature = "tls")]
                if let Some(tls) = &listener.tls {
                    tasks.spawn(serve_tls(stream, Arc::clone(tls), service, stop));
                    continue;
                }
                tasks.spawn(serve(stream, service, stop));
            }
            Err(why) => {
                tracing::warn!(%why, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// Notes on a request how it came in.
fn mark(request: hyper::Request<Incoming>, door: Door, peer: SocketAddr) -> Request {
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(door);
    request.extensions_mut().insert(Peer(peer));
    request
}

#[cfg(feature = "tls")]
async fn serve_tls<S>(stream: TcpStream, tls: Arc<Tls>, service: S, stop: CancellationToken)
where
    S: Service<hyper::Request<Incoming>, Response = Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    match tokio::time::timeout(SLOWEST_HANDSHAKE, tls.acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve(stream, service, stop).await,
        Ok(Err(why)) => tracing::debug!(%why, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn serve<S>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: S,
    stop: CancellationToken,
) where
    S: Service<hyper::Request<Incoming>, Response = Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
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
