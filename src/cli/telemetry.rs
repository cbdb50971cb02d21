//! What is logged? Only the binary installs a subscriber: a library must not.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Logs to standard error. The words are a level, and `json` for JSON lines.
pub(super) fn start(words: &[String]) -> anyhow::Result<()> {
    let mut level = LevelFilter::WARN;
    let mut json = false;
    for word in words {
        match word.as_str() {
            "json" => json = true,
            other => {
                level = other.parse().map_err(|_| {
                    anyhow::anyhow!(
                        "--log {other}: choose off, error, warn, info, debug or trace, with or without ,json"
                    )
                })?;
            }
        }
    }
    // The library for MCP logs whole messages, with the codes, tokens and secrets in them: it is never heard.
    let heard = Targets::new()
        .with_default(level)
        .with_target("rmcp", LevelFilter::OFF);
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr);
    if json {
        log.json().finish().with(heard).init();
    } else {
        log.finish().with(heard).init();
    }
    Ok(())
}
