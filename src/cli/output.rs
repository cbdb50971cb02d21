//! The standard output of commands: text for people, or JSON for programs.

use std::io::{ErrorKind, Write};

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;

use super::color::ColorWhen;
use crate::redact::{printable_json, printable_lines};

/// The form of a command's output. The text is the same on a terminal and in a pipe.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct Output {
    /// Print JSON for programs
    #[arg(long, global = true)]
    json: bool,
}

impl Output {
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Prints the JSON, or the text that describes it. Control characters are escaped.
    ///
    /// Errors: the text cannot be made from the JSON, or the output cannot be written. JSON is printed without being parsed.
    pub(super) fn print(
        self,
        json: &Value,
        text: impl FnOnce() -> anyhow::Result<String>,
    ) -> anyhow::Result<()> {
        if self.json {
            return print_json(json);
        }
        print(&format!("{}\n", printable_lines(&text()?)))
    }
}

/// Prints text to the standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    write(std::io::stdout().lock(), text)
}

/// Prints JSON that is safe to show in a terminal.
pub(super) fn print_json(answer: &Value) -> anyhow::Result<()> {
    let pretty = serde_json::to_string_pretty(answer)?;
    print(&format!("{}\n", printable_json(&pretty)))
}

/// Prints text with colors, or without them if `--color` or the output requires it.
pub(super) fn print_in_color(text: &str, color: ColorWhen) -> anyhow::Result<()> {
    let out = anstream::AutoStream::new(std::io::stdout(), color.for_stream());
    write(out.lock(), text)
}

/// Writes a whole text. A reader that closes the pipe, such as `head`, has read enough: that is no error.
fn write(mut out: impl Write, text: &str) -> anyhow::Result<()> {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
