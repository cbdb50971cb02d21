//! A TCP connection on which a test writes raw bytes and reads the responses.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};

/// Whoever has not answered by then never will.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection.
#[derive(Debug)]
pub(crate) struct Line {
    stream: TcpStream,
    /// What has come and was not asked for yet.
    heard: Vec<u8>,
}

impl Line {
    pub(crate) async fn to(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        // A dribble is to arrive as one.
        stream.set_nodelay(true).expect("a socket has options");
        Self {
            stream,
            heard: Vec::new(),
        }
    }

    /// Says it at once. Whether the other side still listened.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    /// Says it a byte at a time with pauses, for as long as the other side listens and says nothing itself.
    pub(crate) async fn dribble(&mut self, bytes: impl AsRef<[u8]>, pause: Duration) {
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

    /// Hears one answer, whose length it must tell, and stays on the line.
    pub(crate) async fn hear(&mut self) -> String {
        let answer = async {
            loop {
                if let Some(end) = end_of_answer(&self.heard) {
                    let rest = self.heard.split_off(end);
                    return std::mem::replace(&mut self.heard, rest);
                }
                let read = self.stream.read_buf(&mut self.heard).await;
                assert!(
                    read.is_ok_and(|read| read > 0),
                    "the line was closed after {:?}",
                    String::from_utf8_lossy(&self.heard)
                );
            }
        };
        let answer = timeout(PATIENCE, answer).await.expect("it answers in time");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Listens until this has been said, and forgets it all.
    pub(crate) async fn hears(&mut self, words: &str) {
        let wanted = async {
            while !String::from_utf8_lossy(&self.heard).contains(words) {
                let read = self.stream.read_buf(&mut self.heard).await;
                assert!(read.is_ok_and(|read| read > 0), "{words:?} was not said");
            }
        };
        timeout(PATIENCE, wanted).await.expect("it is said in time");
        self.heard.clear();
    }

    /// Hears everything until the other side closes.
    pub(crate) async fn hear_out(&mut self) -> String {
        let rest = self.stream.read_to_end(&mut self.heard);
        // A reset is an end as well.
        let _ = timeout(PATIENCE, rest).await.expect("it closes in time");
        String::from_utf8_lossy(&std::mem::take(&mut self.heard)).into_owned()
    }
}

fn end_of_answer(heard: &[u8]) -> Option<usize> {
    let head = heard.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let text = String::from_utf8_lossy(&heard[..head]);
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().expect("a length is a number"));
    (heard.len() >= head + length).then_some(head + length)
}

/// The statuses of the answers that were heard, one after another.
pub(crate) fn statuses(heard: &str) -> Vec<&str> {
    heard
        .split("HTTP/1.")
        .skip(1)
        .map(|answer| answer.get(2..5).unwrap_or(answer))
        .collect()
}
