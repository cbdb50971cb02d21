//! The standard output of commands.

use std::io::Write as _;

use super::color::ColorWhen;
use crate::redact::printable_json;

/// Prints text to the standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Prints JSON that is safe to show in a terminal.
pub(super) fn print_json(answer: &serde_json::Value) -> anyhow::Result<()> {
    let pretty = serde_json::to_string_pretty(answer)?;
    print(&format!("{}\n", printable_json(&pretty)))
}

/// Prints text with colors, or without them if `--color` or the output requires it.
pub(super) fn print_in_color(text: &str, color: ColorWhen) -> anyhow::Result<()> {
    let mut out = anstream::AutoStream::new(std::io::stdout(), color.for_stream()).lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}
