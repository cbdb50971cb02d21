//! Rate limit of HTTP/2 control frames.
//!
//! h2 handles PING, SETTINGS, PRIORITY, `WINDOW_UPDATE`, `RST_STREAM`, unknown frames and DATA without content below
//! the service, at any rate. Beyond an allowance, the connection stops reading until the allowance has grown again: a
//! flood is slowed down and takes no processor time, and a client that only sent many frames at once loses nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};

use super::activity::now;

/// The first bytes of every HTTP/2 connection (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Length, type, flags and stream (RFC 9113 §4.1).
const FRAME_HEADER_BYTES: usize = 9;

const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// Control frames that a connection may send at once.
const BURST: i64 = 1000;

/// Time after which one more control frame is allowed.
const INTERVAL: Duration = Duration::from_millis(1);

/// Each request adds to the allowance: for a priority, a larger window, a reset.
const FRAMES_PER_REQUEST: i64 = 4;

/// A client that reads a response enlarges its windows: two frames for half of a window, which is 64 KiB or more.
const BYTES_PER_FRAME: usize = 4 * 1024;

/// The position of a connection in the client's byte stream.
#[derive(Debug)]
enum Position {
    /// Number of bytes of the preface that have arrived.
    Preface(usize),
    /// The connection is not HTTP/2.
    NotHttp2,
    /// The header of a frame, and the number of its bytes that have arrived.
    Header([u8; FRAME_HEADER_BYTES], usize),
    /// Number of bytes of a frame's payload that are still to arrive.
    Payload(usize),
}

/// Frames that were counted.
#[derive(Debug, Default, PartialEq, Eq)]
struct FrameCounts {
    control: i64,
    requests: i64,
}

impl Position {
    /// Counts the frames whose headers end in these bytes.
    fn advance(&mut self, mut bytes: &[u8]) -> FrameCounts {
        let mut counted = FrameCounts::default();
        while let Some(&first) = bytes.first() {
            match self {
                Self::NotHttp2 => break,
                Self::Preface(known) => {
                    if PREFACE.get(*known) != Some(&first) {
                        *self = Self::NotHttp2;
                        break;
                    }
                    *known += 1;
                    if *known == PREFACE.len() {
                        *self = Self::Header([0; FRAME_HEADER_BYTES], 0);
                    }
                    bytes = &bytes[1..];
                }
                Self::Header(header, known) => {
                    let more = bytes.len().min(FRAME_HEADER_BYTES - *known);
                    header[*known..*known + more].copy_from_slice(&bytes[..more]);
                    *known += more;
                    bytes = &bytes[more..];
                    if *known == FRAME_HEADER_BYTES {
                        let [a, b, c, kind, ..] = *header;
                        let length = u32::from_be_bytes([0, a, b, c]) as usize;
                        match kind {
                            HEADERS => counted.requests += 1,
                            DATA if length > 0 => {}
                            _ => counted.control += 1,
                        }
                        *self = Self::after_header(length);
                    }
                }
                Self::Payload(left) => {
                    let skipped = bytes.len().min(*left);
                    bytes = &bytes[skipped..];
                    *self = Self::after_header(*left - skipped);
                }
            }
        }
        counted
    }

    fn after_header(left: usize) -> Self {
        if left == 0 {
            Self::Header([0; FRAME_HEADER_BYTES], 0)
        } else {
            Self::Payload(left)
        }
    }
}

/// The control frames that a connection may send now; negative once it has sent more.
#[derive(Debug)]
struct Allowance {
    frames: i64,
    /// When the allowance last grew.
    grown: Instant,
}

impl Allowance {
    fn new(now: Instant) -> Self {
        Self {
            frames: BURST,
            grown: now,
        }
    }

    /// Spends these frames. Returns when reading may continue, if that is later than now.
    fn spend(&mut self, counted: &FrameCounts, now: Instant) -> Option<Instant> {
        let grown = now.duration_since(self.grown).as_micros() / INTERVAL.as_micros();
        let grown = u32::try_from(grown).unwrap_or(u32::MAX);
        self.grown += INTERVAL * grown;
        let more = i64::from(grown) + counted.requests * FRAMES_PER_REQUEST;
        self.frames = (self.frames + more).min(BURST) - counted.control;
        let missing = u32::try_from(-self.frames).ok()?;
        (missing > 0).then(|| now + INTERVAL * missing)
    }

    fn add(&mut self, frames: usize) {
        let frames = i64::try_from(frames).unwrap_or(BURST);
        self.frames = (self.frames + frames).min(BURST);
    }
}

/// A connection whose control frames are limited; HTTP/1 is passed through.
#[derive(Debug)]
pub(crate) struct PacedStream<S> {
    stream: S,
    position: Position,
    allowance: Allowance,
    pause: Option<Pin<Box<Sleep>>>,
    /// Bytes written since the allowance last grew by them.
    written: usize,
}

impl<S> PacedStream<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            position: Position::Preface(0),
            allowance: Allowance::new(now()),
            pause: None,
            written: 0,
        }
    }

    fn note_written(&mut self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(written)) = written {
            self.written += written;
            self.allowance.add(self.written / BYTES_PER_FRAME);
            self.written %= BYTES_PER_FRAME;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for PacedStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let counted = self.position.advance(&buffer.filled()[before..]);
        if counted != FrameCounts::default() {
            let until = self.allowance.spend(&counted, now());
            self.pause = until.map(|until| Box::pin(sleep_until(until)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for PacedStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note_written(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
        self.note_written(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a short payload");
        let header = [&length.to_be_bytes()[1..], &[kind, 0, 0, 0, 0, 1]].concat();
        [&header, payload].concat()
    }

    #[test]
    fn frames_are_counted_across_reads() {
        let all = [
            PREFACE,
            &frame(4, &[]),
            &frame(HEADERS, b"a head"),
            &frame(DATA, b"PRI * HTTP/2.0"),
            &frame(DATA, &[]),
            &frame(6, &[0; 8]),
            &frame(0xfa, &[9; 300]),
        ]
        .concat();
        for size in [1, 2, 9, 10, 17, 1000] {
            let mut position = Position::Preface(0);
            let mut sum = FrameCounts::default();
            for bytes in all.chunks(size) {
                let counted = position.advance(bytes);
                sum.control += counted.control;
                sum.requests += counted.requests;
            }
            let expected = FrameCounts {
                control: 4,
                requests: 1,
            };
            assert_eq!(sum, expected, "in pieces of {size} bytes");
        }
    }

    #[test]
    fn http_1_is_not_counted() {
        let mut position = Position::Preface(0);
        for bytes in [&b"P"[..], b"OST / HTTP/1.1\r\n\r\n", PREFACE, &[0; 90]] {
            assert_eq!(position.advance(bytes), FrameCounts::default());
        }
    }

    #[test]
    fn an_allowance_is_spent_and_grows_again() {
        let start = now();
        let mut allowance = Allowance::new(start);
        let control = |control| FrameCounts {
            control,
            requests: 0,
        };
        assert_eq!(allowance.spend(&control(BURST), start), None);
        let until = allowance.spend(&control(500), start);
        assert_eq!(until, Some(start + INTERVAL * 500));
        assert_eq!(allowance.spend(&control(0), start + INTERVAL * 500), None);
        allowance.add(3);
        let now = start + INTERVAL * 500;
        assert_eq!(allowance.spend(&control(3), now), None);
        let paid = FrameCounts {
            control: FRAMES_PER_REQUEST * 10,
            requests: 10,
        };
        assert_eq!(allowance.spend(&paid, now), None);
        let later = start + Duration::from_hours(1);
        assert_eq!(allowance.spend(&control(BURST), later), None);
        assert!(allowance.spend(&control(1), later).is_some());
    }
}
