//! One accepted connection: HTTP/1 or HTTP/2, its requests, and the events that end it early.

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::Version;
use axum::response::Response;
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;

use super::activity::{Activity, CloseReason, Timeouts};
use super::drain::{DrainOnDrop, DrainState};
use super::head;
use super::limits::Limits;
use super::pace::PacedStream;
use super::request_body::LimitedBody;
use super::response_body;
use super::socket::Socket;
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::http::connection::{ConnectionInfo, ConnectionReset, ListenerKind, PeerSocket};
use crate::http::long_steps::{LongSteps, WorkLock, is_long};
use crate::http::root_service::RootService;

/// Timeout for a TLS handshake.
#[cfg(feature = "tls")]
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// State that the connections of a server share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    /// Answers the requests.
    pub(super) service: RootService,
    pub(super) limits: Limits,
    pub(super) long_steps: WorkLock,
    /// Cancelled when the server stops.
    pub(super) stop: CancellationToken,
}

/// A connection that is about to be served.
#[derive(Debug)]
pub(super) struct ServedConnection {
    shared: Shared,
    kind: ListenerKind,
    peer: SocketAddr,
    reset: ConnectionReset,
    /// Cancelled when the head of a request did not arrive in time. Only plain HTTP can answer that.
    head_timeout: CancellationToken,
    activity: Arc<Activity>,
    /// Released when the connection and its last request have ended.
    permit: Arc<OwnedSemaphorePermit>,
}

impl ServedConnection {
    pub(super) fn new(
        shared: &Shared,
        kind: ListenerKind,
        peer: SocketAddr,
        permit: OwnedSemaphorePermit,
    ) -> Self {
        let timeouts = Timeouts {
            head: shared.limits.head_timeout,
            body: shared.limits.body_timeout,
        };
        Self {
            shared: shared.clone(),
            kind,
            peer,
            reset: ConnectionReset::default(),
            head_timeout: CancellationToken::new(),
            activity: Activity::new(timeouts),
            permit: Arc::new(permit),
        }
    }

    pub(super) async fn serve_plain(self, stream: TcpStream) {
        let (socket, requests) = self.open(stream);
        self.serve(socket, requests).await;
    }

    #[cfg(feature = "tls")]
    pub(super) async fn serve_tls(self, stream: TcpStream, tls: Arc<Tls>) {
        let (socket, requests) = self.open(stream);
        let handshake = tls.acceptor.accept(socket);
        match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, handshake).await {
            Ok(Ok(stream)) => {
                let connection = Self {
                    // Separate, because the socket would answer in plain text.
                    head_timeout: CancellationToken::new(),
                    ..self
                };
                connection.serve(stream, requests).await;
            }
            Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
            Err(_) => tracing::debug!("a TLS handshake took too long"),
        }
    }

    /// The socket of the connection, and the service of its requests.
    fn open(&self, stream: TcpStream) -> (Socket, Requests) {
        // Sends small responses immediately; a socket that rejects the option still works.
        let _ = stream.set_nodelay(true);
        let stream = Arc::new(stream);
        let info = ConnectionInfo {
            listener: self.kind,
            peer: Some(self.peer),
            reset: self.reset.clone(),
            socket: Some(PeerSocket(Arc::downgrade(&stream))),
            permit: Some(Arc::clone(&self.permit)),
            recorded_id: None,
        };
        let socket = Socket {
            stream,
            reset: self.reset.clone(),
            head_timeout: self.head_timeout.clone(),
            has_unanswered: false,
            write_timeout: self.shared.limits.body_timeout,
            stalled: None,
            closing: None,
        };
        let requests = Requests {
            info: Arc::new(info),
            activity: Arc::clone(&self.activity),
            shared: self.shared.clone(),
        };
        (socket, requests)
    }

    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        requests: Requests,
    ) {
        let requests = Arc::new(requests);
        let service = tower::service_fn(move |request| {
            let requests = Arc::clone(&requests);
            async move { Ok::<_, Infallible>(requests.answer(request).await) }
        });
        let protocol = self.shared.limits.protocol();
        let stream = TokioIo::new(PacedStream::new(stream));
        let connection = protocol.serve_connection(stream, TowerToHyperService::new(service));
        tokio::pin!(connection);
        let mut is_closing = false;
        let ended = loop {
            tokio::select! {
                // A request that arrived in time is answered even if the timeout expires in the same moment.
                biased;
                ended = connection.as_mut() => break ended,
                // Drops the connection, and its socket with it.
                () = self.reset.requested() => return,
                expired = self.expired() => match expired {
                    CloseReason::Idle if !is_closing => {}
                    CloseReason::Idle | CloseReason::Stalled => return,
                    CloseReason::NoRequest => {
                        self.head_timeout.cancel();
                        return;
                    }
                },
                () = self.shared.stop.cancelled(), if !is_closing => {}
            }
            is_closing = true;
            self.activity.close();
            connection.as_mut().graceful_shutdown();
        };
        if let Err(error) = ended {
            let cause = error.downcast_ref::<hyper::Error>();
            if cause.is_some_and(hyper::Error::is_timeout) {
                self.head_timeout.cancel();
            }
            tracing::debug!(%error, "a connection ended early");
        }
    }

    /// Waits until the connection has expired. A client that keeps the connection busy without requests uses up the
    /// task's cooperative budget in tokio; a timer that took part in that budget would never fire.
    async fn expired(&self) -> CloseReason {
        tokio::task::unconstrained(self.activity.expired()).await
    }
}

/// The requests of one connection.
#[derive(Debug)]
struct Requests {
    info: Arc<ConnectionInfo>,
    activity: Arc<Activity>,
    shared: Shared,
}

impl Requests {
    async fn answer(&self, request: hyper::Request<Incoming>) -> Response {
        let Shared {
            service,
            limits,
            long_steps,
            ..
        } = &self.shared;
        if request.version() != Version::HTTP_2 {
            self.activity.note_http1();
            let rejection = head::rejection(&request, limits);
            let drain_state = DrainState::new(&request);
            let request = self.with_limits(request, drain_state.clone());
            let response = match rejection {
                Some(rejection) => rejection,
                None if is_long(request.body()) => {
                    LongSteps::new(long_steps, service.call(request)).await
                }
                None => service.call(request).await,
            };
            return match drain_state {
                Some(drain_state) => drain_state.close_if_undrained(response),
                None => response,
            };
        }
        let open = self.activity.open();
        let Some(permit) = limits.http2_request() else {
            return response_body::answer_http2(open, ready(limits.too_many_requests())).await;
        };
        let rejection = head::rejection(&request, limits);
        let mut request = self.with_limits(request, None);
        self.activity.permit(permit, request.extensions_mut()).await;
        if let Some(rejection) = rejection {
            return response_body::answer_http2(open, ready(rejection)).await;
        }
        if is_long(request.body()) {
            let steps = LongSteps::new(long_steps, service.call(request));
            // On the heap, so that hyper stores little for a request that was rejected above.
            return Box::pin(response_body::answer_http2(open, steps)).await;
        }
        Box::pin(response_body::answer_http2(open, service.call(request))).await
    }

    /// The request with the limits of its body, and with its connection.
    fn with_limits(
        &self,
        request: hyper::Request<Incoming>,
        drain_state: Option<DrainState>,
    ) -> Request {
        let limits = &self.shared.limits;
        let limited = |body| {
            let body = DrainOnDrop::new(body, limits.body_timeout, drain_state);
            Body::new(LimitedBody::new(
                body,
                limits.body_timeout,
                &limits.body_memory,
            ))
        };
        let mut request = request.map(limited);
        request.extensions_mut().insert(Arc::clone(&self.info));
        request
    }
}
