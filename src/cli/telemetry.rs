//! The log on standard error. Only the program installs a subscriber: a library must not. A thread of its own writes, so
//! that a pipe that is not read does not block the server.

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
const WAITING: usize = 10_000;

/// How long the end of the program waits for the last lines.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// What is on its way to standard error.
enum Word {
    Line(Vec<u8>),
    /// Everything before this is to be out when it is answered.
    Last(SyncSender<()>),
}

/// Where lines are handed in.
#[derive(Debug, Clone)]
struct Lines {
    out: SyncSender<Word>,
    lost: Arc<AtomicU64>,
}

impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if self.out.try_send(Word::Line(line.to_vec())).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A line of the log, as it is written. The thread of the log removes the secrets, so that no request waits for it.
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

/// The log, until it is dropped: then what was handed in is out, if there is anybody to take it.
#[derive(Debug)]
pub(super) struct Log(SyncSender<Word>);

impl Drop for Log {
    fn drop(&mut self) {
        let words = self.0.clone();
        in_time(move |is_out| {
            let _ = words.send(Word::Last(is_out));
        });
    }
}

/// Prints the last message of the program, without waiting for a standard error that is not read.
pub(super) fn say_last(text: String) {
    in_time(move |is_out| {
        let _ = stderr().write_all(text.as_bytes());
        let _ = is_out.send(());
    });
}

/// Has something done by a thread, and waits for it a while.
fn in_time(act: impl FnOnce(SyncSender<()>) + Send + 'static) {
    let (out, is_out) = sync_channel(1);
    if std::thread::Builder::new().spawn(move || act(out)).is_ok() {
        let _ = is_out.recv_timeout(LAST_WORDS);
    }
}

/// Standard error, without its lock where the system allows: a thread that waits for a reader must not block the others.
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

fn write_out(words: &Receiver<Word>, lost: &AtomicU64) {
    let mut err = stderr();
    // There is no other place to report it.
    for word in words {
        let _ = match word {
            Word::Line(line) => err.write_all(&without_secrets(&line)),
            Word::Last(is_out) => {
                let _ = is_out.try_send(());
                Ok(())
            }
        };
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(
                err,
                "{lost} lines of the log are left out: they came faster than they were read"
            );
        }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Choice {
    level: LevelFilter,
    /// The lines for requests.
    requests: LevelFilter,
    json: bool,
}

impl Choice {
    /// The words are a level, and `json` for JSON lines. Without a level, refused requests are logged on a terminal only:
    /// a developer watches it, and the pipe of a test run is not read.
    fn read(words: &[String], is_terminal: bool, name: &str) -> anyhow::Result<Self> {
        let mut level = None;
        let mut json = false;
        for word in words {
            match word.trim() {
                "json" => json = true,
                other => {
                    level = Some(other.parse().map_err(|_| {
                        anyhow::anyhow!(
                            "{name}: {other:?} is no level; choose off, error, warn, info, debug or trace, with or without \
                             ,json"
                        )
                    })?);
                }
            }
        }
        let by_default = if is_terminal {
            LevelFilter::WARN
        } else {
            LevelFilter::OFF
        };
        Ok(Self {
            level: level.unwrap_or(LevelFilter::WARN),
            requests: level.unwrap_or(by_default),
            json,
        })
    }
}

/// Logs to standard error. `name` is where the words were given.
pub(super) fn start(words: &[String], name: &str, color: ColorWhen) -> anyhow::Result<Log> {
    let is_terminal = io::stderr().is_terminal();
    let choice = Choice::read(words, is_terminal, name)?;
    let (out, waiting) = sync_channel(WAITING);
    let lines = Lines {
        out: out.clone(),
        lost: Arc::default(),
    };
    let lost = Arc::clone(&lines.lost);
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_out(&waiting, &lost))?;
    // The library for MCP logs whole messages, with the codes, tokens and secrets in them: it is never heard.
    // h2 warns of single frames, which a client may send by the thousand.
    let of_frames = if choice.level > LevelFilter::WARN {
        choice.level
    } else {
        choice.level.min(LevelFilter::ERROR)
    };
    let heard = Targets::new()
        .with_default(choice.level)
        .with_target(LOG_TARGET, choice.requests)
        .with_target("h2", of_frames)
        .with_target("rmcp", LevelFilter::OFF);
    let log = tracing_subscriber::fmt()
        .with_max_level(choice.level.max(choice.requests))
        .with_ansi(color.colors_stderr())
        .with_writer(lines);
    if choice.json {
        log.json().finish().with(heard).init();
    } else {
        let format = RequestLines::new(is_terminal);
        log.event_format(format).finish().with(heard).init();
    }
    Ok(Log(out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_logged_by_default_on_a_terminal() {
        let read = |words: &[&str], is_terminal| {
            let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
            Choice::read(&words, is_terminal, "--log").unwrap()
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
            let choice = read(words, is_terminal);
            assert_eq!(
                (choice.level, choice.requests),
                (level, requests),
                "{words:?}"
            );
        }
    }
}
