//! Is a running server well, and ready to keep what it is told? What container engines ask, without a shell or curl in
//! the image.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::DEFAULT_LISTEN;
use super::options::Options;
use super::values::address;

#[derive(Debug, Args)]
pub(super) struct Healthcheck {
    /// The address that the server was told to listen on [default: what --config says, else 127.0.0.1:8080]
    #[arg(long, env = "CIVITAI_MOCK_LISTEN", value_parser = address, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// The file that the server was told to read
    #[arg(long, env = "CIVITAI_MOCK_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Asks once. Errors: no answer, or another than 200.
pub(super) fn run(options: &Healthcheck) -> anyhow::Result<()> {
    let configured = match (options.listen, &options.config) {
        (None, Some(file)) => Options::of_file(file)?.listen(),
        (listen, _) => listen,
    };
    let listen = configured.unwrap_or(DEFAULT_LISTEN);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let address = reachable(listen);
        let asked = tokio::time::timeout(Duration::from_secs(2), ask_health(address)).await;
        let answer = asked
            .with_context(|| format!("no answer from {address} within 2 s"))?
            .with_context(|| format!("cannot reach {address}"))?;
        let status = answer.lines().next().unwrap_or_default();
        let why = answer.lines().last().unwrap_or_default();
        anyhow::ensure!(
            status.contains(" 200 "),
            "{address} answers {status:?}: {why}"
        );
        Ok(())
    })
}

/// An address that means every interface is reached by the loopback one.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

async fn ask_health(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request =
        format!("GET /api/health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
