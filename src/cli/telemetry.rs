//! What is logged? Only the binary installs a subscriber: a library must not.

use tracing_subscriber::filter::LevelFilter;

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
    let log = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(std::io::stderr);
    if json {
        log.json().init();
    } else {
        log.init();
    }
    Ok(())
}
