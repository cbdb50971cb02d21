//! Accepting connections, one task each. Connections beyond the limit are closed; plain HTTP gets a 503 first.

#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::connection::{ServedConnection, Shared};
#[cfg(feature = "tls")]
use super::tls::Tls;
use crate::http::connection::ListenerKind;

/// Delay between two attempts to accept a connection when the system has no file descriptor left.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(50);

/// A rejected client gets this long to read the 503.
const REJECT_TIMEOUT: Duration = Duration::from_millis(500);

/// At most this many rejected clients are sent a 503 at once.
const MAX_REJECTIONS: usize = 32;

/// One bound address.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    pub(super) kind: ListenerKind,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<Arc<Tls>>,
}

impl Listener {
    fn is_plain_http(&self) -> bool {
        self.kind.scheme() == "http"
    }
}

/// Accepts connections until the server stops.
pub(super) async fn accept(listener: Listener, shared: Shared, tasks: TaskTracker) {
    let rejections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                continue;
            }
        };
        let Some(permit) = shared.limits.connection() else {
            if listener.is_plain_http() && rejections.len() < MAX_REJECTIONS {
                rejections.spawn(reject(stream, shared.limits.too_many_connections()));
            }
            continue;
        };
        let connection = ServedConnection::new(&shared, listener.kind, peer, permit);
        #[cfg(feature = "tls")]
        if let Some(tls) = &listener.tls {
            tasks.spawn(connection.serve_tls(stream, Arc::clone(tls)));
            continue;
        }
        tasks.spawn(connection.serve_plain(stream));
    }
}

/// Sends a 503 and reads until the client closes: closing a socket with unread bytes resets it and loses the response.
async fn reject(mut stream: TcpStream, answer: String) {
    let rejection = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let mut unread = [0; 1024];
        while stream.read(&mut unread).await? > 0 {}
        std::io::Result::Ok(())
    };
    // A client that has disconnected, or that keeps sending, has had its response.
    let _ = tokio::time::timeout(REJECT_TIMEOUT, rejection).await;
}
