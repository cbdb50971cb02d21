//! The command `advice`: the findings of the linter, for a shell or CI. The rules are in `advice/`.

use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::{Value, json};

use super::output::{Output, print, print_json};
use super::running_server::RunningServer;
use crate::control::{self, Severity};

/// List mistakes in your app's requests that would fail on Civitai.
#[derive(Debug, Args)]
pub(super) struct Advice {
    /// Exit with 1 if there is a finding of at least this severity: error, warning or hint
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// Output format; --json is short for --format json
    #[arg(long, value_enum, default_value = "text", conflicts_with = "json")]
    format: Format,
    /// Only findings about this client
    #[arg(long, value_name = "ID")]
    client: Option<String>,
    /// With --format sarif: the file of your repository where the findings are shown
    #[arg(long, value_name = "PATH")]
    location: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    server: RunningServer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Json,
    Sarif,
}

/// The result of `--fail-on`.
pub(super) enum Verdict {
    Passed,
    Failed,
}

/// Prints the findings. Errors: advice cannot be computed.
pub(super) async fn run(options: &Advice) -> anyhow::Result<Verdict> {
    anyhow::ensure!(
        options.location.is_none() || options.format == Format::Sarif,
        "--location: only --format sarif can show findings at a file"
    );
    let answer = options.fetch("json", None).await?;
    let advice = control::Advice::deserialize(&answer)?;
    let format = if options.output.is_json() {
        Format::Json
    } else {
        options.format
    };
    match format {
        Format::Text => print(&format!("{advice}\n"))?,
        Format::Json => print_json(&answer)?,
        Format::Sarif => print_json(&options.fetch("sarif", options.location.as_deref()).await?)?,
    }
    let Some(limit) = options.fail_on else {
        return Ok(Verdict::Passed);
    };
    anyhow::ensure!(
        advice.requests > 0,
        "{} in the journal of this sandbox; check that your app uses this server and sandbox (--server)",
        app_name(options.client.as_deref())
    );
    Ok(match advice.at_least(limit).next() {
        Some(_) => Verdict::Failed,
        None => Verdict::Passed,
    })
}

impl Advice {
    async fn fetch(&self, format: &str, location: Option<&str>) -> anyhow::Result<Value> {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("format", format);
        if let Some(client) = &self.client {
            query.append_pair("client_id", client);
        }
        if let Some(location) = location {
            query.append_pair("location", location);
        }
        let path = format!("advice?{}", query.finish());
        self.server.control("GET", &path, &json!({})).await
    }
}

/// The app in an error message.
fn app_name(client: Option<&str>) -> String {
    client.map_or_else(
        || "no requests".to_owned(),
        |client| format!("no requests of client {client:?}"),
    )
}
