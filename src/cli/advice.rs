//! The command `advice`: the findings of the linter, for a shell or CI. The rules are in `advice/`.

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use super::output::{Output, print, print_json};
use super::running_server::{RunningServer, ServerOptions};
use super::sources::Sources;
use crate::control::{self, Severity, advice_query};

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
    server: ServerOptions,
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
pub(super) async fn run(options: Advice, sources: &Sources) -> anyhow::Result<Verdict> {
    let Advice {
        fail_on,
        format,
        client,
        location,
        output,
        server,
    } = options;
    let location = location.as_deref();
    anyhow::ensure!(
        location.is_none() || format == Format::Sarif,
        "--location: only --format sarif can show findings at a file"
    );
    anyhow::ensure!(
        location != Some(""),
        "--location: the file name is empty; give a path, or omit --location"
    );
    let server = server.server(sources)?;
    let client = client.as_deref();
    let answer = fetch(&server, client).await?;
    let advice = || server.read::<control::Advice>(&answer);
    match format {
        _ if output.is_json() => print_json(&answer)?,
        Format::Json => print_json(&answer)?,
        Format::Text => print(&format!("{}\n", text(&advice()?, &server, client)))?,
        Format::Sarif => print_json(&advice_query::sarif_log(&advice()?, location))?,
    }
    let Some(limit) = fail_on else {
        return Ok(Verdict::Passed);
    };
    let advice = advice()?;
    anyhow::ensure!(
        advice.requests > 0,
        "{}; check that your app uses this server and sandbox (--server)",
        no_requests(&server, client)
    );
    Ok(match advice.at_least(limit).next() {
        Some(_) => Verdict::Failed,
        None => Verdict::Passed,
    })
}

async fn fetch(server: &RunningServer, client: Option<&str>) -> anyhow::Result<Value> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("format", "json");
    if let Some(client) = client {
        query.append_pair("client_id", client);
    }
    let path = format!("advice?{}", query.finish());
    server.control("GET", &path, &json!({})).await
}

/// The findings, their number, and the server that has them.
fn text(advice: &control::Advice, server: &RunningServer, client: Option<&str>) -> String {
    if advice.requests == 0 && advice.evicted == 0 {
        no_requests(server, client)
    } else {
        format!("{advice} ({})", server.url())
    }
}

fn no_requests(server: &RunningServer, client: Option<&str>) -> String {
    let of_client = client.map(|client| format!(" of client {client:?}"));
    format!(
        "no requests{} in the journal of {}",
        of_client.unwrap_or_default(),
        server.url()
    )
}
