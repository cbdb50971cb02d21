//! How does a connection become requests? Accepting, HTTPS, and an orderly end. Who listens where is `mod.rs`;
//! what a connection may ask for is `limits.rs`; what answers is `router.rs`.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::Version;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

pub(crate) use crate::server::activity::Permits;
pub(crate) use crate::server::limits::{Limits, USUAL_HEADERS};
pub(crate) use crate::server::request_body::{NoMemory, Unread};
pub(crate) use crate::server::socket::{Caller, Came, Cut};

use crate::router;
use crate::server::activity::{Activity, Expired, Timeouts};
use crate::server::head;
use crate::server::long_steps::{LongSteps, Turn, is_long};
use crate::server::pace::Paced;
use crate::server::request_body::Limited;
use crate::server::socket::Socket;
#[cfg(feature = "tls")]
use crate::server::tls::Tls;
use crate::server::{App, Door};

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
    let turn = app.long_turn.clone();
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
            activity: Activity::new(Timeouts {
                head: limits.head,
                body: limits.body,
            }),
            limits: limits.clone(),
            turn: turn.clone(),
            permit: Arc::new(place),
        };
        let (socket, marks) = ends.connect(stream, peer, door);
        let service = marks.around(router.clone());
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
    activity: Arc<Activity>,
    limits: Limits,
    turn: Turn,
    /// Released when the connection and its last request are over.
    permit: Arc<OwnedSemaphorePermit>,
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
            permit: Some(Arc::clone(&self.permit)),
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
            activity: Arc::clone(&self.activity),
            limits: self.limits.clone(),
            turn: self.turn.clone(),
        };
        (socket, marks)
    }

    /// Waits until the connection has expired. A client that keeps it busy with anything but requests uses up what a task
    /// may do at once (tokio's cooperative budget); a timer that took part in that would never fire.
    async fn expired(&self) -> Expired {
        tokio::task::unconstrained(self.activity.expired()).await
    }
}

/// What is noted on a request of how it came in.
#[derive(Debug)]
struct Marks {
    came: Arc<Came>,
    activity: Arc<Activity>,
    limits: Limits,
    turn: Turn,
}

impl Marks {
    /// The service that answers this connection's requests by `router`.
    fn around<S>(
        self,
        router: S,
    ) -> impl Service<
        hyper::Request<Incoming>,
        Response = Response,
        Error = Infallible,
        Future: Send + 'static,
    > + Clone
    + Send
    + 'static
    where
        S: Service<Request, Response = Response, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
    {
        let marks = Arc::new(self);
        tower::service_fn(move |request| Arc::clone(&marks).answer(request, router.clone()))
    }

    async fn answer<S>(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        mut router: S,
    ) -> Result<Response, Infallible>
    where
        S: Service<Request, Response = Response, Error = Infallible>,
    {
        if request.version() != Version::HTTP_2 {
            self.activity.note_http1();
            let refusal = head::refusal(&request, &self.limits);
            let request = self.mark(request);
            return match refusal {
                Some(refusal) => Ok(refusal),
                None if is_long(request.body()) => {
                    LongSteps::new(&self.turn, router.call(request)).await
                }
                None => Box::pin(router.call(request)).await,
            };
        }
        let open = self.activity.open();
        let Some(place) = self.limits.http2_request() else {
            return Ok(open.run(ready(self.limits.too_many_requests())).await);
        };
        let refusal = head::refusal(&request, &self.limits);
        let mut request = self.mark(request);
        self.activity.permit(place, request.extensions_mut()).await;
        let is_long = is_long(request.body());
        let answered = async move {
            match refusal {
                Some(refusal) => refusal,
                None => match router.call(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                },
            }
        };
        // On the heap, so that hyper stores little of a request that was refused above.
        Ok(if is_long {
            open.run(Box::pin(LongSteps::new(&self.turn, answered)))
                .await
        } else {
            open.run(Box::pin(answered)).await
        })
    }

    fn mark(&self, request: hyper::Request<Incoming>) -> Request {
        let Limits {
            body, body_memory, ..
        } = &self.limits;
        let mut request =
            request.map(|sent| axum::body::Body::new(Limited::new(sent, *body, body_memory)));
        request.extensions_mut().insert(Arc::clone(&self.came));
        request
    }
}

#[cfg(feature = "tls")]
async fn serve_tls<S>(socket: Socket, tls: Arc<Tls>, service: S, ends: Ends)
where
    S: Service<hyper::Request<Incoming>, Response = Response, Error = Infallible>
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
    S: Service<hyper::Request<Incoming>, Response = Response, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    let protocol = ends.limits.protocol();
    let stream = TokioIo::new(Paced::new(stream));
    let connection = protocol.serve_connection(stream, TowerToHyperService::new(service));
    tokio::pin!(connection);
    let mut is_closing = false;
    let ended = loop {
        tokio::select! {
            // A request that has come in time is answered, though the time be over in the same moment.
            biased;
            ended = connection.as_mut() => break ended,
            // The connection is dropped, and its socket with it.
            () = ends.cut.broken() => return,
            expired = ends.expired() => match expired {
                Expired::Idle if !is_closing => {}
                Expired::Idle | Expired::Stalled => return,
                Expired::NoRequest => {
                    ends.late.cancel();
                    return;
                }
            },
            () = ends.stop.cancelled(), if !is_closing => {}
        }
        is_closing = true;
        ends.activity.close();
        connection.as_mut().graceful_shutdown();
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
