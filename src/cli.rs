//! What does the command line say? Flags, environment and configuration file, in this order of weight, and
//! what is printed. What it all comes to is `config.rs`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing_subscriber::filter::LevelFilter;

use crate::config::Config;
use crate::contract::{Contract, Override};
use crate::invalid::{self, Invalid};
use crate::model::user::{User, UserRef};
use crate::sandbox::settings::{ConsentMode, UnknownClients};
use crate::seed::{ClientSpec, Planting};
use crate::server::Server;

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// A stand-in for Civitai's OAuth 2.0 server: the same answers, offline.
#[derive(Debug, Parser)]
#[command(
    name = "civitai-oauth-mock",
    version,
    args_conflicts_with_subcommands = true
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve (the default).
    Serve(Box<Options>),
    /// Ask a running server whether it is well; exit status 1 when it is not.
    Healthcheck(Healthcheck),
}

/// What can be set, on the command line, by environment and in a `--config` file alike.
#[derive(Debug, Default, Args, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Options {
    /// Read further options from this TOML file; its keys are the flags' names with underscores
    #[arg(long, env = "CIVITAI_MOCK_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    config: Option<PathBuf>,

    /// Listen here; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "CIVITAI_MOCK_LISTEN", value_name = "ADDRESS")]
    listen: Option<SocketAddr>,

    /// Keep the data in this file; "memory" forgets it at the end [default: memory]
    #[arg(long, env = "CIVITAI_MOCK_DATABASE", value_name = "PATH|memory")]
    database: Option<String>,

    /// Begin with the users and clients of this TOML file [default: three users, two demo clients]
    #[arg(long, env = "CIVITAI_MOCK_SEED", value_name = "FILE")]
    seed: Option<PathBuf>,

    /// The origin in answers, such as <http://localhost:8080> [default: the request's Host]
    #[arg(long, env = "CIVITAI_MOCK_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,

    /// Take the origin in answers from Forwarded or X-Forwarded-Proto and -Host
    #[arg(long, env = "CIVITAI_MOCK_TRUST_PROXY", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    trust_proxy: Option<bool>,

    /// Follow the documentation or the deployed server: documented, live [default: documented]
    #[arg(long, env = "CIVITAI_MOCK_CONTRACT", value_name = "CONTRACT")]
    contract: Option<Contract>,

    /// Set one difference apart, such as scope-shape=live; may be repeated
    #[arg(
        long,
        env = "CIVITAI_MOCK_DIFFERENCE",
        value_delimiter = ',',
        value_name = "NAME=CONTRACT"
    )]
    difference: Vec<Override>,

    /// Sign whoever has no session in as this user (id or username)
    #[arg(long, env = "CIVITAI_MOCK_LOGIN", value_name = "USER")]
    login: Option<String>,

    /// What the consent page is replaced by [default: ask]
    #[arg(long, env = "CIVITAI_MOCK_CONSENT", value_name = "MODE")]
    consent: Option<ConsentMode>,

    /// Enforce Civitai's rate limits
    #[arg(long, env = "CIVITAI_MOCK_RATE_LIMITS", num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    rate_limits: Option<bool>,

    /// How long access tokens live, in seconds [default: 3600]
    #[arg(
        long,
        env = "CIVITAI_MOCK_ACCESS_TOKEN_SECONDS",
        value_name = "SECONDS"
    )]
    access_token_seconds: Option<u32>,

    /// How long refresh tokens live, in seconds [default: 2592000]
    #[arg(
        long,
        env = "CIVITAI_MOCK_REFRESH_TOKEN_SECONDS",
        value_name = "SECONDS"
    )]
    refresh_token_seconds: Option<u32>,

    /// How long authorization codes live, in seconds [default: what the contract says]
    #[arg(long, env = "CIVITAI_MOCK_CODE_SECONDS", value_name = "SECONDS")]
    code_seconds: Option<u32>,

    /// What happens to a client id that nobody registered [default: refuse]
    #[arg(long, env = "CIVITAI_MOCK_UNKNOWN_CLIENTS", value_name = "WHAT")]
    unknown_clients: Option<UnknownClients>,

    /// Draw the same ids, codes and tokens in every run
    #[arg(long, env = "CIVITAI_MOCK_ENTROPY_SEED", value_name = "NUMBER")]
    entropy_seed: Option<u64>,

    /// Write the port that is listened on to this file
    #[arg(long, env = "CIVITAI_MOCK_PORT_FILE", value_name = "FILE")]
    port_file: Option<PathBuf>,

    /// What is logged, to standard error: off, error, warn, info, debug or trace; "json" for JSON lines
    /// [default: warn]
    #[arg(
        long,
        env = "CIVITAI_MOCK_LOG",
        value_delimiter = ',',
        value_name = "LEVEL[,json]"
    )]
    log: Vec<String>,
}

#[derive(Debug, Args)]
struct Healthcheck {
    /// The address that the server was told to listen on
    #[arg(long, env = "CIVITAI_MOCK_LISTEN", default_value_t = DEFAULT_LISTEN, value_name = "ADDRESS")]
    listen: SocketAddr,
}

/// Runs the program.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => serve(cli.options),
        Some(Command::Serve(options)) => serve(*options),
        Some(Command::Healthcheck(options)) => healthcheck(&options),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            let _ = writeln!(std::io::stderr(), "civitai-oauth-mock: {why:#}");
            ExitCode::FAILURE
        }
    }
}

impl Options {
    /// These options, and those of the file where these say nothing.
    fn with_file(self) -> anyhow::Result<Self> {
        let Some(file) = &self.config else {
            return Ok(self);
        };
        let text = read(file, "--config")?;
        let below: Self = invalid::from_toml(&text, file)?;
        Ok(Self {
            config: self.config,
            listen: self.listen.or(below.listen),
            database: self.database.or(below.database),
            seed: self.seed.or(below.seed),
            public_url: self.public_url.or(below.public_url),
            trust_proxy: self.trust_proxy.or(below.trust_proxy),
            contract: self.contract.or(below.contract),
            difference: [below.difference, self.difference].concat(),
            login: self.login.or(below.login),
            consent: self.consent.or(below.consent),
            rate_limits: self.rate_limits.or(below.rate_limits),
            access_token_seconds: self.access_token_seconds.or(below.access_token_seconds),
            refresh_token_seconds: self.refresh_token_seconds.or(below.refresh_token_seconds),
            code_seconds: self.code_seconds.or(below.code_seconds),
            unknown_clients: self.unknown_clients.or(below.unknown_clients),
            entropy_seed: self.entropy_seed.or(below.entropy_seed),
            port_file: self.port_file.or(below.port_file),
            log: if self.log.is_empty() {
                below.log
            } else {
                self.log
            },
        })
    }

    fn config(&self) -> anyhow::Result<Config> {
        let mut config = Config {
            listen: self.listen.unwrap_or(DEFAULT_LISTEN),
            trust_proxy: self.trust_proxy.unwrap_or_default(),
            entropy_seed: self.entropy_seed,
            ..Config::default()
        };
        if let Some(database) = &self.database {
            config.database = database.parse().unwrap_or_default();
        }
        if let Some(url) = &self.public_url {
            config.set_public_url(url)?;
        }
        if let Some(file) = &self.seed {
            config.set_seed(&read(file, "--seed")?, file)?;
        }
        let apart = self.difference.iter().map(|one| (one.difference, one.side));
        config.set_contract(self.contract.unwrap_or_default(), apart);
        let settings = &mut config.settings;
        settings.login = self.login.as_deref().map(UserRef::from);
        settings.consent = self.consent.unwrap_or_default();
        settings.rate_limits = self.rate_limits.unwrap_or_default();
        settings.unknown_clients = self.unknown_clients.unwrap_or_default();
        settings.code_seconds = self.code_seconds;
        if let Some(seconds) = self.access_token_seconds {
            settings.access_token_seconds = seconds;
        }
        if let Some(seconds) = self.refresh_token_seconds {
            settings.refresh_token_seconds = seconds;
        }
        if let Some(client) = client_of_environment(|name| std::env::var(name).ok())? {
            config.add_client(client);
        }
        Ok(config)
    }
}

fn read(file: &Path, flag: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{flag} {}", file.display()))
}

/// The client that an app's own `.env` describes. Empty variables count as absent.
fn client_of_environment(
    variable: impl Fn(&str) -> Option<String>,
) -> Result<Option<ClientSpec>, Invalid> {
    let filled = |name| {
        variable(name)
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    };
    let Some(id) = filled("CIVITAI_CLIENT_ID") else {
        return Ok(None);
    };
    let secret = filled("CIVITAI_CLIENT_SECRET");
    let (name, uris) = match filled("CIVITAI_REDIRECT_URI") {
        Some(uris) => ("CIVITAI_REDIRECT_URI", uris),
        None => ("REDIRECT_URI", filled("REDIRECT_URI").unwrap_or_default()),
    };
    let uris: Vec<&str> = uris
        .split(',')
        .map(str::trim)
        .filter(|uri| !uri.is_empty())
        .collect();
    let mut grants = vec![
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
    ];
    if secret.is_some() {
        grants.push("client_credentials");
    }
    let mut described = serde_json::json!({
        "id": id,
        "name": "Your app",
        "description": "Registered from CIVITAI_CLIENT_ID",
        "redirect_uris": uris,
        "any_loopback_redirect": uris.is_empty(),
        "grants": grants,
    });
    if let Some(secret) = secret {
        described["secret"] = secret.into();
    }
    let spec = invalid::from_json(described).map_err(|wrong| Invalid {
        path: name.to_owned(),
        ..wrong
    })?;
    Ok(Some(spec))
}

fn serve(options: Options) -> anyhow::Result<()> {
    let options = options.with_file()?;
    start_log(&options.log)?;
    let config = options.config()?;
    let planting = config.planting()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            // Before anybody can know that we are here: a stop that comes early is a stop all the same.
            let mut terminated = Terminated::listen()?;
            let server = Server::start(config).await?;
            if let Some(file) = &options.port_file {
                write_port(file, server.address().port())?;
            }
            say(&announcement(&server, &planting))?;
            terminated.wait().await;
            server.stop().await;
            Ok(())
        })
}

/// Written beside and renamed, so that whoever waits for the file never reads half a number.
fn write_port(file: &Path, port: u16) -> anyhow::Result<()> {
    let beside = file.with_extension("tmp");
    std::fs::write(&beside, format!("{port}\n"))
        .and_then(|()| std::fs::rename(&beside, file))
        .with_context(|| format!("--port-file {}", file.display()))
}

fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// What to point where. The first line is for programs.
fn announcement(server: &Server, planting: &Planting) -> String {
    let base = server.base_url();
    let mut text = format!("listening on http://{}\n\n", server.address());
    let mut line = |label: &str, value: &str| {
        writeln!(text, "  {label:<14}{value}").expect("writing to a String cannot fail");
    };
    line("base URL", &base);
    for endpoint in ["authorize", "token", "userinfo", "revoke"] {
        line(endpoint, &format!("{base}/api/auth/oauth/{endpoint}"));
    }
    for client in &planting.seed.clients {
        line("client", &format!("{}  {}", client.id, client.name));
        if let Some((_, secret)) = planting.secrets.iter().find(|(id, _)| *id == client.id) {
            line("  secret", secret.reveal());
        }
    }
    let users: Vec<String> = planting.seed.users.iter().map(User::display_name).collect();
    line("users", &users.join(", "));
    text
}

fn start_log(words: &[String]) -> anyhow::Result<()> {
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

/// Ctrl-C, or SIGTERM as container engines send it.
struct Terminated {
    #[cfg(unix)]
    signal: tokio::signal::unix::Signal,
}

impl Terminated {
    #[cfg(unix)]
    fn listen() -> std::io::Result<Self> {
        let kind = tokio::signal::unix::SignalKind::terminate();
        Ok(Self {
            signal: tokio::signal::unix::signal(kind)?,
        })
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "the same shape on every system")]
    fn listen() -> std::io::Result<Self> {
        Ok(Self {})
    }

    async fn wait(&mut self) {
        #[cfg(unix)]
        tokio::select! {
            _ = self.signal.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        #[cfg(not(unix))]
        let _ = tokio::signal::ctrl_c().await;
    }
}

fn healthcheck(options: &Healthcheck) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let address = reachable(options.listen);
        let asked = tokio::time::timeout(Duration::from_secs(2), ask_health(address)).await;
        let answer = asked
            .with_context(|| format!("no answer from {address} within 2 s"))?
            .with_context(|| format!("cannot reach {address}"))?;
        let status = answer.lines().next().unwrap_or_default();
        anyhow::ensure!(status.contains(" 200 "), "{address} answers {status:?}");
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
        format!("GET /api/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(variables: &[(&str, &str)]) -> Result<Option<ClientSpec>, Invalid> {
        client_of_environment(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn an_apps_own_variables_register_it() {
        let spec = client(&[
            ("CIVITAI_CLIENT_ID", "mine"),
            ("CIVITAI_CLIENT_SECRET", "s3cret"),
            (
                "REDIRECT_URI",
                "http://localhost:3000/cb, https://app.example/cb",
            ),
        ]);
        let spec = spec.unwrap().unwrap();
        assert_eq!((spec.id.as_str(), spec.redirect_uris.len()), ("mine", 2));
        assert!(spec.secret.is_some() && !spec.any_loopback_redirect);
    }

    #[test]
    fn empty_variables_count_as_absent() {
        assert!(client(&[("CIVITAI_CLIENT_ID", " ")]).unwrap().is_none());
        let spec = client(&[("CIVITAI_CLIENT_ID", "a"), ("CIVITAI_CLIENT_SECRET", "")]);
        let spec = spec.unwrap().unwrap();
        assert!(spec.secret.is_none() && spec.any_loopback_redirect);
    }

    #[test]
    fn a_wrong_redirect_uri_names_its_variable() {
        let wrong = client(&[
            ("CIVITAI_CLIENT_ID", "a"),
            ("CIVITAI_REDIRECT_URI", "localhost:3000"),
        ]);
        insta::assert_snapshot!(
            wrong.unwrap_err(),
            @r#"CIVITAI_REDIRECT_URI: not a URL: "localhost:3000" lacks a scheme such as http://"#
        );
    }

    #[test]
    fn the_command_line_is_well_formed() {
        <Cli as clap::CommandFactory>::command().debug_assert();
    }
}
