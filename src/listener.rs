//! How does a connection become requests? Accepting, HTTPS, limits on slow heads, and an orderly end. Who
//! listens where is `server.rs`; what answers is `router.rs`.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{self, Poll, ready};
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

use crate::router;
use crate::server::{App, Door, Peer};
#[cfg(feature = "tls")]
use crate::tls::Tls;

/// What is said to a caller whose request's head does not come in time.
const TOO_LATE: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// A client that takes longer over a TLS handshake is given up.
#[cfg(feature = "tls")]
const SLOWEST_HANDSHAKE: Duration = Duration::from_secs(10);

/// Between two tries: to accept a connection when the system has no file descriptor to give, or to learn whether a
/// caller is still there.
const BREATH: Duration = Duration::from_millis(50);

/// One address that is listened on.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) door: Door,
    /// A connection that takes longer to send a request's head is told so and closed.
    pub(crate) slowest_head: Duration,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Breaks a connection without another word; on every request.
#[derive(Debug, Clone)]
pub(crate) struct Cut(CancellationToken);

impl Cut {
    /// Of a connection that is none: a question of our own.
    pub(crate) fn new() -> Self {
        Self(CancellationToken::new())
    }

    /// Waits until it is broken.
    pub(crate) async fn broken(&self) {
        self.0.cancelled().await;
    }

    /// Breaks it now.
    pub(crate) fn now(&self) {
        self.0.cancel();
    }
}

/// Whoever has sent a request; on every request.
#[derive(Debug, Clone)]
pub(crate) struct Caller(Weak<TcpStream>);

impl Caller {
    /// Ends once nothing more will come from there. A caller who merely says no more is taken for one who is gone: this
    /// is for those who would keep the server waiting.
    pub(crate) async fn hung_up(&self) {
        loop {
            let Some(stream) = self.0.upgrade() else {
                return;
            };
            match stream.ready(Interest::READABLE).await {
                Ok(ready) if !ready.is_read_closed() => {}
                Ok(_) | Err(_) => return,
            }
            // What has come in the meantime is not for us to read, and may be followed by the end.
            tokio::time::sleep(BREATH).await;
        }
    }
}

/// A socket that is reset rather than closed where the connection was cut.
#[derive(Debug)]
struct Socket {
    /// Shared with those who ask whether the caller is still there, and closed with the connection.
    stream: Arc<TcpStream>,
    cut: CancellationToken,
    /// The head did not come in time; cancelled only where plain HTTP is spoken.
    late: CancellationToken,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.cut.is_cancelled() {
            // A socket that refuses the option is closed instead.
            let _ = self.stream.set_zero_linger();
        } else if self.late.is_cancelled() {
            // A caller who is gone does not hear it.
            let _ = self.stream.try_write(TOO_LATE);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            match self.stream.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                Err(why) => return Poll::Ready(Err(why)),
            }
        }
    }
}

impl Socket {
    fn poll_with(
        &self,
        context: &mut task::Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.stream.poll_write_ready(context))?;
            match write(&self.stream) {
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(context, |stream| stream.try_write(bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// A connection that is shut down is dropped at once, and that closes the socket.
    fn poll_shutdown(self: Pin<&mut Self>, _: &mut task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(context, |stream| stream.try_write_vectored(pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// Accepts connections until it is told to stop.
pub(crate) async fn accept(
    listener: Listener,
    app: Arc<App>,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let router = router::service(app);
    let (door, slowest_head) = (listener.door, listener.slowest_head);
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Small answers go out at once; a socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                let cut = CancellationToken::new();
                let late = CancellationToken::new();
                let stream = Arc::new(stream);
                let caller = Caller(Arc::downgrade(&stream));
                let socket = Socket {
                    stream,
                    cut: cut.clone(),
                    late: late.clone(),
                };
                let marks = (door, Peer(peer), Cut(cut.clone()), caller);
                let service = router
                    .clone()
                    .map_request(move |request| mark(request, marks.clone()));
                let ends = Ends {
                    stop: stop.clone(),
                    cut,
                    late,
                    slowest_head,
                };
                #[cfg(feature = "tls")]
                if let Some(tls) = &listener.tls {
                    tasks.spawn(serve_tls(socket, Arc::clone(tls), service, ends));
                    continue;
                }
                tasks.spawn(serve(socket, service, ends));
            }
            Err(why) => {
                tracing::warn!(%why, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}

/// What may end a connection: the server's stop, a fault, or a head that does not come.
#[derive(Debug, Clone)]
struct Ends {
    stop: CancellationToken,
    cut: CancellationToken,
    late: CancellationToken,
    slowest_head: Duration,
}

/// Notes on a request how it came in.
fn mark(
    request: hyper::Request<Incoming>,
    (door, peer, cut, caller): (Door, Peer, Cut, Caller),
) -> Request {
    let mut request = request.map(axum::body::Body::new);
    request.extensions_mut().insert(door);
    request.extensions_mut().insert(peer);
    request.extensions_mut().insert(cut);
    request.extensions_mut().insert(caller);
    request
}

#[cfg(feature = "tls")]
async fn serve_tls<S>(socket: Socket, tls: Arc<Tls>, service: S, ends: Ends)
where
    S: Service<hyper::Request<Incoming>, Response = Response, Error = std::convert::Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    match tokio::time::timeout(SLOWEST_HANDSHAKE, tls.acceptor.accept(socket)).await {
        Ok(Ok(stream)) => {
            // What is said to whoever is late is said in the clear.
            let ends = Ends {
                late: CancellationToken::new(),
                ..ends
            };
            serve(stream, service, ends).await;
        }
        Ok(Err(why)) => tracing::debug!(%why, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn serve<S>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: S,
    ends: Ends,
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
        .header_read_timeout(ends.slowest_head)
        .half_close(true);
    let connection =
        builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The connection is dropped, and its socket with it.
        () = ends.cut.cancelled() => return,
        () = ends.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(why) = ended {
        if why
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_timeout)
        {
            ends.late.cancel();
        }
        tracing::debug!(%why, "a connection ended early");
    }
}
