//! The log on standard error. Only the program installs a subscriber: a library must not. A thread of its own writes, so
//! that a pipe that is not read does not block the server. It is our own, because the writer of `tracing-appender` neither
//! redacts lines in its thread nor reports how many it dropped.

use std::io::{self, IsTerminal as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::color::ColorWhen;
use super::request_lines::RequestLines;
use crate::middleware::LOG_TARGET;
use crate::redact::redact_message;

/// The most lines that wait to be written; further ones are counted and dropped.
const MAX_QUEUED_LINES: usize = 10_000;

/// How long the end of the program waits for the last lines.
const FLUSH_TIMEOUT: Duration = Duration::from_millis(300);

/// A message to the thread of the log.
enum LogMessage {
    Line(Vec<u8>),
    /// Answered when everything before it is written.
    Flush(SyncSender<()>),
}

/// The sending end of the log.
#[derive(Debug, Clone)]
struct Lines {
    sender: SyncSender<LogMessage>,
    dropped: Arc<AtomicU64>,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self
            .sender
            .try_send(LogMessage::Line(line.to_vec()))
            .is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Redacts a line of the log. This runs in the thread of the log, so that no request waits for it.
fn without_secrets(line: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(line);
    let end = text.len() - text.trim_end_matches('\n').len();
    let (text, end) = text.split_at(text.len() - end);
    [&redact_message(text), end].concat().into_bytes()
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Flushes the log when it is dropped, if standard error is read.
#[derive(Debug)]
pub(super) struct Log(SyncSender<LogMessage>);

impl Drop for Log {
    fn drop(&mut self) {
        let sender = self.0.clone();
        with_deadline(move |done| {
            let _ = sender.send(LogMessage::Flush(done));
        });
    }
}

/// Prints the last message of the program, without waiting for a standard error that is not read.
pub(super) fn print_last(text: String) {
    with_deadline(move |done| {
        let _ = stderr().write_all(text.as_bytes());
        let _ = done.send(());
    });
}

/// Runs `act` in a thread, and waits until it reports that it is done, at most for [`FLUSH_TIMEOUT`].
fn with_deadline(act: impl FnOnce(SyncSender<()>) + Send + 'static) {
    let (sender, done) = sync_channel(1);
    if std::thread::Builder::new()
        .spawn(move || act(sender))
        .is_ok()
    {
        let _ = done.recv_timeout(FLUSH_TIMEOUT);
    }
}

/// Standard error without its lock, if the system permits: a thread that waits for a reader must not block others.
fn stderr() -> Box<dyn Write + Send> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        if let Ok(own) = io::stderr().as_fd().try_clone_to_owned() {
            return Box::new(std::fs::File::from(own));
        }
    }
    Box::new(io::stderr())
}

/// The loop of the log's thread.
fn write_out(messages: &Receiver<LogMessage>, dropped: &AtomicU64) {
    let mut err = stderr();
    // Errors of standard error cannot be reported anywhere.
    for message in messages {
        let _ = match message {
            LogMessage::Line(line) => err.write_all(&without_secrets(&line)),
            LogMessage::Flush(done) => {
                let _ = done.try_send(());
                Ok(())
            }
        };
        let dropped = dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            let _ = writeln!(
                err,
                "dropped {dropped} lines of the log: they were written faster than they were read"
            );
        }
    }
}

/// The options of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LogOptions {
    level: LevelFilter,
    /// The lines for requests.
    requests: LevelFilter,
    json: bool,
}

impl LogOptions {
    /// Parses words: a level, and `json` for JSON lines. Without a level, rejected requests are logged on a terminal only: a
    /// developer reads it, but the pipe of a test run is not read.
    fn parse(words: &[String], is_terminal: bool, name: &str) -> anyhow::Result<Self> {
        let mut level = None;
        let mut json = false;
        for word in words {
            match word.trim() {
                "json" => json = true,
                other => {
                    level = Some(other.parse().map_err(|_| {
                        anyhow::anyhow!(
                            "{name}: {other:?} is not a log level; choose off, error, warn, info, debug or trace, with or without \
                             ,json"
                        )
                    })?);
                }
            }
        }
        let default = if is_terminal {
            LevelFilter::WARN
        } else {
            LevelFilter::OFF
        };
        Ok(Self {
            level: level.unwrap_or(LevelFilter::WARN),
            requests: level.unwrap_or(default),
            json,
        })
    }
}

/// Starts logging to standard error. `name` is the option or variable that has the words.
pub(super) fn start(words: &[String], name: &str, color: ColorWhen) -> anyhow::Result<Log> {
    let is_terminal = io::stderr().is_terminal();
    let options = LogOptions::parse(words, is_terminal, name)?;
    let (sender, receiver) = sync_channel(MAX_QUEUED_LINES);
    let lines = Lines {
        sender: sender.clone(),
        dropped: Arc::default(),
    };
    let dropped = Arc::clone(&lines.dropped);
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_out(&receiver, &dropped))?;
    // rmcp logs whole messages with codes, tokens and secrets, so it is off. h2 warns about single frames, which a client may
    // send by the thousand.
    let h2_level = if options.level > LevelFilter::WARN {
        options.level
    } else {
        options.level.min(LevelFilter::ERROR)
    };
    let filter = Targets::new()
        .with_default(options.level)
        .with_target(LOG_TARGET, options.requests)
        .with_target("h2", h2_level)
        .with_target("rmcp", LevelFilter::OFF);
    let log = tracing_subscriber::fmt()
        .with_max_level(options.level.max(options.requests))
        .with_ansi(color.colors_stderr())
        .with_writer(lines);
    if options.json {
        log.json().finish().with(filter).init();
    } else {
        let format = RequestLines::new(is_terminal);
        log.event_format(format).finish().with(filter).init();
    }
    Ok(Log(sender))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_logged_by_default_on_a_terminal() {
        let parse = |words: &[&str], is_terminal| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            LogOptions::parse(&words, is_terminal, "--log").unwrap()
        };
        for (words, is_terminal, level, requests) in [
            (&[][..], true, LevelFilter::WARN, LevelFilter::WARN),
            (&[], false, LevelFilter::WARN, LevelFilter::OFF),
            (&["json"], false, LevelFilter::WARN, LevelFilter::OFF),
            (&["warn"], false, LevelFilter::WARN, LevelFilter::WARN),
            (
                &["info", "json"],
                false,
                LevelFilter::INFO,
                LevelFilter::INFO,
            ),
            (&["off"], true, LevelFilter::OFF, LevelFilter::OFF),
        ] {
            let options = parse(words, is_terminal);
            assert_eq!(
                (options.level, options.requests),
                (level, requests),
                "{words:?}"
            );
        }
    }
}
