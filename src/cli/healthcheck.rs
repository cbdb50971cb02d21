//! The command `healthcheck`: whether a running server is ready. Container engines run it, since the image has neither a
//! shell nor curl.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::defaults::DEFAULT_LISTEN;
use super::options::Options;
use super::output::Output;
use super::sources::Sources;
use super::values::Address;
use crate::http::state::reachable;

/// Check that a running server is ready: it answers and can write to its database.
#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// The address that the server listens on; the first if there are several [default: from --config, or 127.0.0.1:8080]
    #[arg(
        long,
        env = "CIVITAI_MOCK_LISTEN",
        value_delimiter = ',',
        value_name = "ADDRESS"
    )]
    listen: Vec<Address>,

    /// The configuration file of the server
    #[arg(long, env = "CIVITAI_MOCK_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    #[command(flatten)]
    output: Output,
}

/// Requests the health once. Errors: no response, or a status other than 200.
pub(super) fn run(options: &Healthcheck, sources: &Sources) -> anyhow::Result<()> {
    let file_options;
    let configured = match (options.listen.as_slice(), &options.config) {
        ([], Some(file)) => {
            (file_options, _) = Options::read_file(file, &sources.name("config"))?;
            file_options.listen.first()
        }
        (listen, _) => listen.first(),
    };
    let listen = configured.map_or(DEFAULT_LISTEN, |address| address.0);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let address = reachable(listen);
        let response = tokio::time::timeout(Duration::from_secs(2), fetch_health(address)).await;
        let answer = response
            .with_context(|| format!("no answer from {address} within 2 s"))?
            .map_err(|error| {
                anyhow::anyhow!(
                    "cannot reach {address}: {error}; check that the server is running, or set --listen"
                )
            })?;
        let status = answer.lines().next().unwrap_or_default();
        let body = answer.lines().last().unwrap_or_default();
        let json: Value = serde_json::from_str(body).with_context(|| {
            format!("{address} answers {status:?} without JSON; check that --listen is the address of this mock")
        })?;
        let text = |key: &str| json[key].as_str().unwrap_or_default();
        anyhow::ensure!(
            status.contains(" 200 "),
            "http://{address} is not ready: {}; {}",
            text("message"),
            text("hint")
        );
        options.output.print(&json, || format!("http://{address} is ready"))
    })
}

async fn fetch_health(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET /api/health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
