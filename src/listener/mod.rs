//! How does a connection become requests? Accepting, HTTPS, and an orderly end. Who listens where is `server.rs`;
//! what a connection may ask for is `limits.rs`; what answers is `router.rs`.

mod body;
mod limits;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::{Service, ServiceExt as _};

pub(crate) use body::TooSlow;
pub(crate) use limits::{Limits, USUAL_HEADERS};
pub(crate) use socket::{Caller, Came, Cut};

use crate::router;
use crate::server::{App, Door};
#[cfg(feature = "tls")]
use crate::tls::Tls;
use body::Timely;
use socket::Socket;

/// A client that takes longer over a TLS handshake is given up.
#[cfg(feature = "tls")]
const SLOWEST_HANDSHAKE: Duration = Duration::from_secs(10);

/// Between two tries to accept a connection when the system has no file descriptor to give.
const BREATH: Duration = Duration::from_millis(50);

/// Whoever finds no place is heard for so long, and so many are at once.
const LONGEST_FAREWELL: Duration = Duration::from_millis(500);
const MOST_FAREWELLS: usize = 32;

/// One address that is listened on.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) door: Door,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<Arc<Tls>>,
}

impl Listener {
    fn speaks_in_the_clear(&self) -> bool {
        self.door.scheme() == "http"
    }
}

/// Accepts connections until it is told to stop.
pub(crate) async fn accept(
    listener: Listener,
    app: Arc<App>,
    limits: Limits,
    stop: CancellationToken,
    tasks: TaskTracker,
) {
    let router = router::service(app);
    let door = listener.door;
    let farewells = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(why) => {
                tracing::warn!(%why, "a connection could not be accepted");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let Some(place) = limits.place() else {
            if listener.speaks_in_the_clear() && farewells.len() < MOST_FAREWELLS {
                farewells.spawn(turn_away(stream, limits.full()));
            }
            continue;
        };
        let ends = Ends {
            stop: stop.clone(),
            cut: Cut::default(),
            late: CancellationToken::new(),
            has_asked: Arc::default(),
            limits: limits.clone(),
            _place: place,
        };
        let (socket, marks) = ends.connect(stream, peer, door);
        let service = router
            .clone()
            .map_request(move |request| marks.set(request));
        #[cfg(feature = "tls")]
        if let Some(tls) = &listener.tls {
            tasks.spawn(serve_tls(socket, Arc::clone(tls), service, ends));
            continue;
        }
        tasks.spawn(serve(socket, service, ends));
    }
}

/// Says that there is no place, and hears the caller out: a socket that is closed with something unread is reset, and
/// what was said to it lost.
async fn turn_away(mut stream: TcpStream, answer: String) {
    let farewell = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut unheard = [0; 1024];
        while stream.read(&mut unheard).await? > 0 {}
        std::io::Result::Ok(())
    };
    // Whoever is gone, or goes on, has been told.
    let _ = tokio::time::timeout(LONGEST_FAREWELL, farewell).await;
}

/// What may end a connection: the server's stop, a fault, or a head that does not come.
#[derive(Debug)]
struct Ends {
    stop: CancellationToken,
    cut: Cut,
    late: CancellationToken,
    /// A request has come.
    has_asked: Arc<AtomicBool>,
    limits: Limits,
    /// Given back with the connection.
    _place: OwnedSemaphorePermit,
}

impl Ends {
    /// A connection that they end, and what is noted on its requests.
    fn connect(&self, stream: TcpStream, peer: SocketAddr, door: Door) -> (Socket, Marks) {
        // Small answers go out at once; a socket that refuses the option still works.
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        let came = Came {
            door,
            peer: Some(peer),
            cut: self.cut.clone(),
            caller: Some(Caller(Arc::downgrade(&stream))),
        };
        let socket = Socket {
            stream,
            cut: self.cut.clone(),
            late: self.late.clone(),
            waiting: false,
            patience: self.limits.body,
            stalled: None,
        };
        let marks = Marks {
            came: Arc::new(came),
            has_asked: Arc::clone(&self.has_asked),
            slowest_body: self.limits.body,
        };
        (socket, marks)
    }

    /// Ends when the time for a first request is over and none has come. The HTTP library looks at heads alone, once it
    /// knows that they are HTTP/1: a caller who says nothing, or half of what every HTTP/2 connection begins with,
    /// would stay for ever.
    async fn nothing_was_asked(&self) {
        let mut patience = std::pin::pin!(tokio::time::sleep(self.limits.head));
        // Polled with the connection: once a request has come, there is nothing to look at.
        std::future::poll_fn(|context| {
            if self.has_asked.load(Ordering::Relaxed) {
                return Poll::Pending;
            }
            patience.as_mut().poll(context)
        })
        .await;
    }
}

/// What is noted on a request of how it came in.
#[derive(Debug, Clone)]
struct Marks {
    came: Arc<Came>,
    has_asked: Arc<AtomicBool>,
    slowest_body: Duration,
}

impl Marks {
    fn set(&self, request: hyper::Request<Incoming>) -> Request {
        self.has_asked.store(true, Ordering::Relaxed);
        let mut request =
            request.map(|body| axum::body::Body::new(Timely::new(body, self.slowest_body)));
        request.extensions_mut().insert(Arc::clone(&self.came));
        request
    }
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
    let protocol = ends.limits.protocol();
    let connection =
        protocol.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let ended = tokio::select! {
        // A request that has come in time is answered, though the time be over in the same moment.
        biased;
        ended = connection.as_mut() => ended,
        // The connection is dropped, and its socket with it.
        () = ends.cut.broken() => return,
        () = ends.nothing_was_asked() => {
            ends.late.cancel();
            return;
        }
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
