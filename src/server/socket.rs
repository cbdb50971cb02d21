//! The socket of a connection. A fault may reset it instead of closing it, and a write times out while the client reads
//! nothing.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::CancellationToken;

use crate::http::connection::ConnectionReset;

/// The response for a request whose head does not arrive in time.
const REQUEST_TIMEOUT: &[u8] =
    b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// How long to wait for the client to close, too, if the connection is closed with unread bytes.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A socket that is reset instead of closed if a fault requests it.
#[derive(Debug)]
pub(super) struct Socket {
    /// Shared with [`PeerSocket`](crate::http::connection::PeerSocket)s. Closed with the connection.
    pub(super) stream: Arc<TcpStream>,
    pub(super) reset: ConnectionReset,
    /// Cancelled when the head of a request did not arrive in time.
    pub(super) head_timeout: CancellationToken,
    /// Whether bytes have arrived that were not answered yet.
    pub(super) has_unanswered: bool,
    /// How long the client may read nothing of a response.
    pub(super) write_timeout: Duration,
    /// Runs while the client reads nothing.
    pub(super) stalled: Option<Pin<Box<Sleep>>>,
    /// Runs while the connection is being closed, if bytes are unread.
    pub(super) closing: Option<Pin<Box<Sleep>>>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.reset.is_requested() {
            // A socket that rejects the option is closed instead.
            let _ = self.stream.set_zero_linger();
        } else if self.head_timeout.is_cancelled() && self.has_unanswered {
            // Best effort. A client that has sent nothing gets nothing.
            let _ = self.stream.try_write(REQUEST_TIMEOUT);
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
            // Not `try_read`, which would need a zeroed buffer for each read.
            match self.stream.try_read_buf(buffer) {
                Ok(read) => {
                    self.has_unanswered |= read > 0;
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
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
                let timeout = self.write_timeout;
                let alarm = self.stalled.get_or_insert_with(|| Box::pin(sleep(timeout)));
                ready!(alarm.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            match write(&self.stream) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => {
                    self.stalled = None;
                    self.has_unanswered = false;
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

    /// hyper drops a connection after its shutdown, which closes the socket. Unread bytes would reset it and lose the
    /// response: they are read and discarded until the client closes, too, or the time is up.
    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> Poll<io::Result<()>> {
        let mut unread = [0; 4096];
        loop {
            if let Some(closing) = &mut self.closing
                && closing.as_mut().poll(context).is_ready()
            {
                return Poll::Ready(Ok(()));
            }
            match self.stream.try_read(&mut unread) {
                Ok(0) => return Poll::Ready(Ok(())),
                Ok(_) if self.closing.is_none() => {
                    SockRef::from(&*self.stream).shutdown(Shutdown::Write)?;
                    self.closing = Some(Box::pin(sleep(CLOSE_TIMEOUT)));
                }
                Err(error)
                    if error.kind() != io::ErrorKind::WouldBlock || self.closing.is_none() =>
                {
                    return Poll::Ready(Ok(()));
                }
                Ok(_) | Err(_) => {}
            }
            if ready!(self.stream.poll_read_ready(context)).is_err() {
                return Poll::Ready(Ok(()));
            }
        }
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
