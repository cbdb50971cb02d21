//! The text format of the log: a line for a request is its message alone, which contains all its fields.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{Format, FormatEvent, FormatFields, Full, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::registry::LookupSpan;

use crate::middleware::LOG_TARGET;

/// The ANSI codes for red and for the default color.
const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

/// The format of the log's lines: those of requests, and all others.
#[derive(Debug)]
pub(super) struct RequestLines {
    others: Format<Full>,
    /// Whether lines of requests have a time: not on a terminal, where they are read as they appear.
    has_time: bool,
}

impl RequestLines {
    pub(super) fn new(is_terminal: bool) -> Self {
        Self {
            others: Format::default(),
            has_time: !is_terminal,
        }
    }
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl<S, N> FormatEvent<S, N> for RequestLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        if event.metadata().target() != LOG_TARGET {
            return self.others.format_event(context, writer, event);
        }
        let mut message = Message::default();
        event.record(&mut message);
        if self.has_time {
            SystemTime.format_time(&mut writer)?;
            writer.write_char(' ')?;
        }
        let is_rejection = *event.metadata().level() == Level::WARN;
        match message.0.split_once("  ") {
            Some((status, rest)) if is_rejection && writer.has_ansi_escapes() => {
                writeln!(writer, "{RED}{status}{PLAIN}  {rest}")
            }
            _ => writeln!(writer, "{}", message.0),
        }
    }
}
