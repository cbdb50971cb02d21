//! An HTTP/2 connection in the clear whose frames a test writes and reads itself (RFC 9113).

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

/// The longest wait for a response.
const PATIENCE: Duration = Duration::from_secs(20);

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const ACK: u8 = 1;
pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;

/// Longer payloads need a setting of the other side.
const MAX_PAYLOAD: usize = 16_384;

/// `SETTINGS_INITIAL_WINDOW_SIZE`.
pub(crate) const INITIAL_WINDOW: u16 = 4;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl Frame {
    pub(crate) fn new(kind: u8, flags: u8, stream: u32, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            kind,
            flags,
            stream,
            payload: payload.into(),
        }
    }

    /// A request without a body, or the head of one that has a body.
    pub(crate) fn request(stream: u32, flags: u8, method: &str, path: &str) -> Self {
        let mut head = Vec::new();
        field(&mut head, 2, method);
        // `:scheme: http`, by its index.
        head.push(0x86);
        field(&mut head, 4, path);
        field(&mut head, 1, "localhost");
        Self::new(HEADERS, END_HEADERS | flags, stream, head)
    }

    pub(crate) fn get(stream: u32, path: &str) -> Self {
        Self::request(stream, END_STREAM, "GET", path)
    }

    /// The same with one more header.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.payload.push(0);
        string(&mut self.payload, name);
        string(&mut self.payload, value);
        self
    }

    /// A head as it is sent: what does not fit into its frame follows in CONTINUATION frames.
    pub(crate) fn in_pieces(mut self) -> Vec<Self> {
        let rest = self.payload.split_off(self.payload.len().min(MAX_PAYLOAD));
        if rest.is_empty() {
            return vec![self];
        }
        self.flags &= !END_HEADERS;
        let stream = self.stream;
        let piece = |bytes: &[u8]| Self::new(CONTINUATION, 0, stream, bytes);
        let mut pieces: Vec<Self> = [self]
            .into_iter()
            .chain(rest.chunks(MAX_PAYLOAD).map(piece))
            .collect();
        if let Some(last) = pieces.last_mut() {
            last.flags |= END_HEADERS;
        }
        pieces
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let length = u32::try_from(self.payload.len()).expect("a frame is short");
        let mut bytes = length.to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }
}

/// A literal header field, not indexed, whose name is this one of the static table (RFC 7541 §6.2.2).
fn field(head: &mut Vec<u8>, name: u8, value: &str) {
    head.push(name);
    string(head, value);
}

/// A string without Huffman coding (RFC 7541 §5.2).
fn string(head: &mut Vec<u8>, text: &str) {
    let mut rest = text.len();
    if rest < 127 {
        head.push(u8::try_from(rest).expect("it is less"));
    } else {
        head.push(127);
        rest -= 127;
        while rest >= 128 {
            head.push(u8::try_from(rest % 128 + 128).expect("it is less"));
            rest /= 128;
        }
        head.push(u8::try_from(rest).expect("it is less"));
    }
    head.extend(text.as_bytes());
}

/// The status that the head of an answer begins with: by its index in the static table, or as a literal in Huffman code
/// (RFC 7541 appendices A and B).
fn status(head: &[u8]) -> u16 {
    let indexed = [200, 204, 206, 304, 400, 404, 500];
    if let Some(status) = indexed.get(usize::from(head[0]).wrapping_sub(0x88)) {
        return *status;
    }
    let bits: Vec<u8> = head[2..5]
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1))
        .collect();
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        let mut take = |count| {
            let taken = bits[at..at + count].iter();
            at += count;
            taken.fold(0_u16, |sum, bit| sum * 2 + u16::from(*bit))
        };
        // 0, 1 and 2 take five bits, the others six.
        let five = take(5);
        let digit = if five < 3 {
            five
        } else {
            five * 2 + take(1) - 0x19 + 3
        };
        status = status * 10 + digit;
    }
    status
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Frames {
    read: OwnedReadHalf,
    write: OwnedWriteHalf,
    heard: Vec<u8>,
}

impl Frames {
    /// Connects and sends the preface with these settings.
    pub(crate) async fn connect(address: SocketAddr, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(address).await.expect("it listens");
        stream.set_nodelay(true).expect("a socket has options");
        let (read, write) = stream.into_split();
        let mut frames = Self {
            read,
            write,
            heard: Vec::new(),
        };
        let mut payload = Vec::new();
        for (name, value) in settings {
            payload.extend(name.to_be_bytes());
            payload.extend(value.to_be_bytes());
        }
        frames.write.write_all(PREFACE).await.expect("it listens");
        assert!(frames.send(&Frame::new(SETTINGS, 0, 0, payload)).await);
        frames
    }

    /// Sends a frame. Whether the server still listened.
    pub(crate) async fn send(&mut self, frame: &Frame) -> bool {
        self.write.write_all(&frame.bytes()).await.is_ok()
    }

    /// The next frame; none once the connection is closed. PING is answered, SETTINGS is acknowledged.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        let frame = timeout(PATIENCE, self.receive())
            .await
            .expect("a frame, or the end, in time")?;
        if [PING, SETTINGS].contains(&frame.kind) && frame.flags & ACK == 0 {
            let payload = if frame.kind == PING {
                frame.payload.clone()
            } else {
                Vec::new()
            };
            let _ = self.send(&Frame::new(frame.kind, ACK, 0, payload)).await;
        }
        Some(frame)
    }

    async fn receive(&mut self) -> Option<Frame> {
        loop {
            if let Some((header, rest)) = self.heard.split_first_chunk::<9>() {
                let [a, b, c, kind, flags, stream @ ..] = *header;
                let length = u32::from_be_bytes([0, a, b, c]) as usize;
                if rest.len() >= length {
                    let payload = rest[..length].to_vec();
                    self.heard.drain(..9 + length);
                    return Some(Frame::new(kind, flags, u32::from_be_bytes(stream), payload));
                }
            }
            let read = self.read.read_buf(&mut self.heard).await;
            // A reset is an end as well.
            if !matches!(read, Ok(1..)) {
                return None;
            }
        }
    }

    /// The head of the answer on this stream, as it was encoded; none if the stream or the connection ends without one.
    pub(crate) async fn answer(&mut self, stream: u32) -> Option<Vec<u8>> {
        while let Some(frame) = self.next().await {
            match frame.kind {
                HEADERS if frame.stream == stream => return Some(frame.payload),
                RST_STREAM if frame.stream == stream => return None,
                _ => {}
            }
        }
        None
    }

    /// The status of the answer on this stream; none if there is no answer.
    pub(crate) async fn status(&mut self, stream: u32) -> Option<u16> {
        let head = self.answer(stream).await?;
        Some(status(&head))
    }

    /// The answer on this stream is 200.
    pub(crate) async fn is_ok(&mut self, stream: u32) -> bool {
        self.status(stream).await == Some(200)
    }

    /// Every frame until the connection is closed.
    pub(crate) async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Sends these bytes again and again, and reads whatever comes, until the server closes or the time is over.
    /// Whether the server closed.
    pub(crate) async fn flood(&mut self, bytes: &[u8], time: Duration) -> bool {
        let (read, write) = (&mut self.read, &mut self.write);
        let send = async { while write.write_all(bytes).await.is_ok() {} };
        let hear = async {
            let mut ignored = vec![0; 64 * 1024];
            while matches!(read.read(&mut ignored).await, Ok(1..)) {}
        };
        let closed = async {
            tokio::select! {
                () = send => {}
                () = hear => {}
            }
        };
        timeout(time, closed).await.is_ok()
    }
}
