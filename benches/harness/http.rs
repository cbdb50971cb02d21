//! HTTP/1.1 with as little work as possible: one keep-alive connection, whole requests out, whole answers in. The generator
//! must outrun every server that it measures, so it parses no more than it checks.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// One keep-alive connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What came back; borrowed from the connection.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The status code.
    pub status: u16,
    head: &'a [u8],
    /// The whole body.
    pub body: &'a [u8],
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(8192),
        })
    }

    /// Sends a whole request and reads the whole answer.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let Some(head) = head_length(&self.buffer) else {
                continue;
            };
            let whole = head + body_length(&self.buffer[..head])?;
            if self.buffer.len() >= whole {
                return Ok(Answer {
                    status: status(&self.buffer)?,
                    head: &self.buffer[..head],
                    body: &self.buffer[head..whole],
                });
            }
        }
    }
}

impl<'a> Answer<'a> {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        header(self.head, name)
    }

    /// The body as text; empty if it is not UTF-8.
    pub fn text(&self) -> &'a str {
        std::str::from_utf8(self.body).unwrap_or_default()
    }

    /// The text that a JSON object has under this name. No parser: the values that are looked for hold no escapes.
    pub fn field(&self, name: &str) -> Option<&'a str> {
        let text = self.text();
        let mut rest = text;
        while let Some(at) = rest.find(name) {
            let quoted = rest[..at].ends_with('"');
            rest = &rest[at + name.len()..];
            if quoted && let Some(value) = rest.strip_prefix("\":\"") {
                return value.split_once('"').map(|(value, _)| value);
            }
        }
        None
    }
}

fn head_length(bytes: &[u8]) -> Option<usize> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    Some(end + 4)
}

/// Errors: an answer without a length, which no server here sends.
fn body_length(head: &[u8]) -> io::Result<usize> {
    header(head, "content-length")
        .and_then(|length| length.parse().ok())
        .ok_or_else(|| io::Error::other("the answer does not say how long it is"))
}

fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(head).ok()?;
    text.split("\r\n").find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// `HTTP/1.1 200 OK` has its status from the ninth byte on.
fn status(bytes: &[u8]) -> io::Result<u16> {
    bytes
        .get(9..12)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| io::Error::other("the answer does not begin with a status"))
}
