//! A TCP connection on which a test writes raw bytes and reads the responses.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

/// The longest wait for a response.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
#[derive(Debug)]
pub(crate) struct RawConnection {
    stream: TcpStream,
    /// Received bytes that no call has returned yet.
    received: Vec<u8>,
}

impl RawConnection {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        // Each byte is sent as a packet of its own.
        stream.set_nodelay(true).expect("a socket has options");
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// Sends bytes; returns whether the connection was still open.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Sends bytes one by one with pauses, until the other side closes the connection or sends something.
    pub(crate) async fn send_slowly(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) {
        let mut pauses = interval(pause);
        for byte in bytes.as_ref() {
            tokio::select! {
                biased;
                _ = self.stream.readable() => return,
                _ = pauses.tick() => {}
            }
            if self.stream.write_all(&[*byte]).await.is_err() {
                return;
            }
        }
    }

    /// Reads one response with a `Content-Length`; the connection stays open.
    pub(crate) async fn read_response(&mut self) -> String {
        let answer = async {
            loop {
                if let Some(end) = end_of_answer(&self.received) {
                    let rest = self.received.split_off(end);
                    return std::mem::replace(&mut self.received, rest);
                }
                let read = self.stream.read_buf(&mut self.received).await;
                assert!(
                    read.is_ok_and(|read| read > 0),
                    "the line was closed after {:?}",
                    String::from_utf8_lossy(&self.received)
                );
            }
        };
        let answer = timeout(PATIENCE, answer).await.expect("it answers in time");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Reads until these words have arrived, and discards everything read.
    pub(crate) async fn read_until(&mut self, words: &str) {
        let wanted = async {
            while !String::from_utf8_lossy(&self.received).contains(words) {
                let read = self.stream.read_buf(&mut self.received).await;
                assert!(read.is_ok_and(|read| read > 0), "{words:?} did not arrive");
            }
        };
        timeout(PATIENCE, wanted)
            .await
            .expect("the text arrives in time");
        self.received.clear();
    }

    /// Reads everything until the other side closes.
    pub(crate) async fn read_to_close(&mut self) -> String {
        let rest = self.stream.read_to_end(&mut self.received);
        // A reset is an end as well.
        let _ = timeout(PATIENCE, rest).await.expect("it closes in time");
        String::from_utf8_lossy(&std::mem::take(&mut self.received)).into_owned()
    }
}

fn end_of_answer(received: &[u8]) -> Option<usize> {
    let head = received.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&received[..head]);
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a length is a number"));
    (received.len() >= head + length).then_some(head + length)
}

/// The statuses of the responses, in order.
pub(crate) fn statuses(received: &str) -> Vec<&str> {
    received
        .split("HTTP/1.")
        .skip(1)
        .map(|answer| answer.get(2..5).unwrap_or(answer))
        .collect()
}
