//! The command `healthcheck`: whether a running server is ready. Container engines run it, since the image has neither a
//! shell nor curl.

use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::output::Output;
use super::running_server::ServerOptions;
use super::sources::Sources;

/// The longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Check that a running server is ready: it answers and can write to its database.
#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    server: ServerOptions,
}

/// Requests the health once. Errors: no response, or a status other than 200.
pub(super) async fn run(options: Healthcheck, sources: &Sources) -> anyhow::Result<()> {
    let server = options.server.server(sources)?;
    let (status, answer) = server
        .call("GET", "/api/health/ready", &json!({}), ANSWER_TIMEOUT)
        .await?;
    let text = |key: &str| answer[key].as_str().unwrap_or_default();
    let url = server.url();
    anyhow::ensure!(
        status == 200,
        "{url} is not ready: {}; {}",
        text("message"),
        text("hint")
    );
    options
        .output
        .print(&answer, || Ok(format!("{url} is ready")))
}
