//! What is one accepted connection? Its socket, what ends it out of turn, and who asks whether the caller is still
//! there. Accepting is `mod.rs`.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{self, Poll, ready};
use std::time::Duration;

use axum::http::Extensions;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::server::Door;

/// What is said to a caller whose request's head does not come in time.
const TOO_LATE: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Between two tries to learn whether a caller is still there.
const BREATH: Duration = Duration::from_millis(50);

/// How a request came in; on every request, one for a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Came {
    /// By which listener.
    pub(crate) door: Door,
    /// From where.
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) cut: Cut,
    /// Nobody, where the question is our own.
    pub(crate) caller: Option<Caller>,
    /// The connection counts against the limit of connections for as long as one of its requests runs.
    pub(crate) permit: Option<Arc<OwnedSemaphorePermit>>,
}

impl Came {
    pub(crate) fn of(extensions: &Extensions) -> Option<&Self> {
        extensions.get::<Arc<Self>>().map(Arc::as_ref)
    }

    /// By which listener; by the main one, where nothing is known.
    pub(crate) fn door(extensions: &Extensions) -> Door {
        Self::of(extensions).map_or_else(Door::default, |came| came.door)
    }
}

/// Breaks a connection without another word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cut(CancellationToken);

impl Cut {
    /// Waits until it is broken.
    pub(crate) async fn broken(&self) {
        self.0.cancelled().await;
    }

    /// Breaks it now.
    pub(crate) fn now(&self) {
        self.0.cancel();
    }
}

/// Whoever has sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller(pub(crate) Weak<TcpStream>);

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
pub(crate) struct Socket {
    /// Shared with those who ask whether the caller is still there, and closed with the connection.
    pub(crate) stream: Arc<TcpStream>,
    pub(crate) cut: Cut,
    /// The head did not come in time; cancelled only where plain HTTP is spoken.
    pub(crate) late: CancellationToken,
    /// Something has come that was not answered yet.
    pub(crate) waiting: bool,
    /// So long a caller may take nothing of what is said to them.
    pub(crate) patience: Duration,
    /// Since they last took something, where there is more.
    pub(crate) stalled: Option<Pin<Box<Sleep>>>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.cut.0.is_cancelled() {
            // A socket that refuses the option is closed instead.
            let _ = self.stream.set_zero_linger();
        } else if self.late.is_cancelled() && self.waiting {
            // A caller who is gone does not hear it; one who asked for nothing is told nothing.
            let _ = self.stream.try_write(TOO_LATE);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.stream.poll_read_ready(context))?;
            // Into what nobody has written before: it would be set to zeros for each read.
            match self.stream.try_read_buf(buffer) {
                Ok(read) => {
                    self.waiting |= read > 0;
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
        &mut self,
        context: &mut task::Context<'_>,
        write: impl Fn(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            if self.stream.poll_write_ready(context)?.is_pending() {
                let patience = self.patience;
                let alarm = self
                    .stalled
                    .get_or_insert_with(|| Box::pin(sleep(patience)));
                ready!(alarm.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            match write(&self.stream) {
                Err(why) if why.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    self.stalled = None;
                    self.waiting = false;
                    return Poll::Ready(written);
                }
            }
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
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
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_with(context, |stream| stream.try_write_vectored(pieces))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
