//! The running server that commands call: its options, and one control call over plain HTTP.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::Value;
use tokio::net::TcpStream;
use url::Url;

use super::defaults::DEFAULT_LISTEN;
use super::options::Options;
use super::sources::Sources;
use super::values::{Address, ServerUrl};
use crate::http::state::reachable;
use crate::protocol::secret::Secret;
use crate::redact::printable;

/// The longest wait for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The options that name a running server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ServerOptions {
    /// The URL of the server; add /_sandbox/NAME for a sandbox [default: the address of --listen]
    #[arg(
        long = "server",
        global = true,
        env = "CIVITAI_MOCK_SERVER",
        value_name = "URL"
    )]
    url: Option<ServerUrl>,

    /// The address that the server listens on, used without --server; the first if there are several
    /// [default: from --config, or 127.0.0.1:8080]
    #[arg(
        long,
        global = true,
        env = "CIVITAI_MOCK_LISTEN",
        value_delimiter = ',',
        value_name = "ADDRESS"
    )]
    listen: Vec<Address>,

    /// The configuration file of the server, whose address and control token are used without --server
    #[arg(long, global = true, env = "CIVITAI_MOCK_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,

    /// The bearer token that the server requires with --control-token
    #[arg(
        long,
        global = true,
        env = "CIVITAI_MOCK_CONTROL_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    control_token: Option<Secret>,
}

impl ServerOptions {
    /// The server that the options name. Errors: the configuration file cannot be used.
    pub(super) fn server(self, sources: &Sources) -> anyhow::Result<RunningServer> {
        if let Some(ServerUrl(url)) = self.url {
            return Ok(RunningServer {
                url,
                control_token: self.control_token,
            });
        }
        let file = match &self.config {
            Some(file) => Options::read_file(file, &sources.name("config"))?.0,
            None => Options::default(),
        };
        let listen = self.listen.first().or(file.listen.first());
        let listen = listen.map_or(DEFAULT_LISTEN, |address| address.0);
        Ok(RunningServer {
            url: ServerUrl::new(reachable(listen)).0,
            control_token: self.control_token.or(file.control_token),
        })
    }
}

/// A running server that a command calls.
#[derive(Debug)]
pub(super) struct RunningServer {
    url: Url,
    control_token: Option<Secret>,
}

impl RunningServer {
    /// The URL without a slash at its end.
    pub(super) fn url(&self) -> &str {
        self.url.as_str().trim_end_matches('/')
    }

    /// Reads an answer. Errors: it has another form than this version of the program expects.
    pub(super) fn read<'a, T: Deserialize<'a>>(&self, answer: &'a Value) -> anyhow::Result<T> {
        T::deserialize(answer).map_err(|error| {
            anyhow::anyhow!(
                "cannot read the answer of {}: {error}; its version may differ from this program's, which is {}: use the same version",
                self.url(),
                env!("CARGO_PKG_VERSION")
            )
        })
    }

    /// Makes a control call. Errors: no response, or the error of the response.
    pub(super) async fn control(
        &self,
        method: &str,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let path = format!("/_mock/{path}");
        let (status, answer) = self.call(method, &path, body, ANSWER_TIMEOUT).await?;
        if (200..300).contains(&status) {
            return Ok(answer);
        }
        anyhow::ensure!(
            status != 401,
            "the server requires its control token; set --control-token or CIVITAI_MOCK_CONTROL_TOKEN"
        );
        let text = |key: &str| answer[key].as_str().filter(|text| !text.is_empty());
        let path = text("path")
            .map(|path| format!("{path}: "))
            .unwrap_or_default();
        let hint = text("hint")
            .map(|hint| format!("; {hint}"))
            .unwrap_or_default();
        let message = text("message").unwrap_or("the server rejected the request");
        let error = format!("{path}{message}{hint}");
        anyhow::bail!("{}", printable(&error))
    }

    /// Makes a call, and returns the status and the JSON of the response.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        body: &Value,
        timeout: Duration,
    ) -> anyhow::Result<(u16, Value)> {
        let call = tokio::time::timeout(timeout, self.send(method, path, body)).await;
        call.with_context(|| {
            format!(
                "no answer from {} within {} s",
                self.url(),
                timeout.as_secs()
            )
        })?
    }

    async fn send(&self, method: &str, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let (server, url) = (&self.url, self.url());
        let host = server.host_str().unwrap_or_default();
        let port = server.port_or_known_default().unwrap_or(80);
        let stream = TcpStream::connect((host.trim_matches(['[', ']']), port))
            .await
            .map_err(|error| {
                anyhow::anyhow!(
                    "cannot reach {url}: {error}; check that the server is running, or set --server"
                )
            })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", server.path().trim_end_matches('/')))
            .header(
                HOST,
                &server[url::Position::BeforeHost..url::Position::AfterPort],
            )
            .header(CONTENT_TYPE, "application/json");
        if let Some(token) = &self.control_token {
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.reveal()));
        }
        let request = request.body(Full::new(Bytes::from(body.to_string())))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await?.to_bytes();
        connection.abort();
        let answer = serde_json::from_slice(&bytes).with_context(|| {
            format!(
                "{url} answered {status} without JSON; check that --server is the URL of this mock"
            )
        })?;
        Ok((status, answer))
    }
}
