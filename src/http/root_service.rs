//! The service that answers every request, and requests of the server to itself: they pass all layers, with faults and
//! journal, as if they had come over the network.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::response::Parts;
use axum::response::Response;
use tokio_stream::StreamExt as _;

use super::connection::{ConnectionInfo, ConnectionReset};

type ResponseFuture = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Answers every request of the server. It is in the extensions of each request, for handlers that send requests themselves.
#[derive(Clone)]
pub(crate) struct RootService(Arc<dyn Fn(RootService, Request) -> ResponseFuture + Send + Sync>);

impl fmt::Debug for RootService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootService")
    }
}

/// The outcome of a loopback request.
pub(crate) struct LoopbackExchange {
    /// Its id in the journal, if it was recorded.
    pub(crate) id: Option<u64>,
    /// None if a fault reset the connection.
    pub(crate) response: Option<CollectedResponse>,
}

/// A response with its whole body.
pub(crate) struct CollectedResponse {
    pub(crate) parts: Parts,
    pub(crate) body: Bytes,
    /// Whether the body ended normally.
    pub(crate) is_complete: bool,
}

impl RootService {
    /// `service` puts the root service that it receives into the extensions of the request.
    pub(crate) fn new(
        service: impl Fn(Self, Request) -> ResponseFuture + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(service))
    }

    /// Answers a request, which carries this service in its extensions.
    pub(crate) fn call(&self, request: Request) -> ResponseFuture {
        (self.0)(self.clone(), request)
    }

    /// Answers a request of the server to itself.
    pub(crate) async fn send(&self, mut request: Request) -> LoopbackExchange {
        let before = ConnectionInfo::from_extensions(request.extensions());
        let recorded_id = Arc::new(AtomicU64::new(0));
        // A fault that resets the connection ends this request, not the one that it is sent for.
        let connection = ConnectionInfo {
            reset: ConnectionReset::default(),
            recorded_id: Some(Arc::clone(&recorded_id)),
            ..before.cloned().unwrap_or_default()
        };
        let reset = connection.reset.clone();
        request.extensions_mut().insert(Arc::new(connection));
        let response = tokio::select! {
            () = reset.requested() => None,
            response = self.call(request) => Some(CollectedResponse::read(response).await),
        };
        LoopbackExchange {
            id: Some(recorded_id.load(Ordering::Relaxed)).filter(|id| *id > 0),
            response,
        }
    }
}

impl CollectedResponse {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let (mut collected, mut is_complete) = (Vec::new(), true);
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let Ok(piece) = piece else {
                is_complete = false;
                break;
            };
            collected.extend_from_slice(&piece);
        }
        Self {
            parts,
            body: collected.into(),
            is_complete,
        }
    }
}
