//! What does the command line do? Its subcommands, and what is printed. What can be set is `options.rs`; what
//! it comes to is `config.rs`.

mod advice;
mod client;
mod doors;
mod environment;
mod healthcheck;
mod options;
mod room;
mod telemetry;
mod values;

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use advice::Verdict;
use healthcheck::Healthcheck;
use options::Options;

use crate::model::user::User;
use crate::redact::{printable_json, printable_lines, redact_message};
use crate::seed::Planting;
use crate::server::Server;

/// The exit status of whoever was to judge and could not: the same as where the command line cannot be read.
const NOTHING_SAID: u8 = 2;

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// Where the published capability has its MCP adapter, on the address of `--listen`.
const DEFAULT_MCP_PORT: u16 = 9090;

/// Which build of the program this is.
#[derive(Debug, Clone, Copy)]
pub struct Build {
    /// What `--version` says after the name.
    pub version: &'static str,
    /// The commit, where it is known.
    pub commit: Option<&'static str>,
}

/// A stand-in for Civitai's OAuth 2.0 server: the same answers, offline.
#[derive(Debug, Parser)]
#[command(name = "civitai-oauth-mock", args_conflicts_with_subcommands = true)]
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
    Token(doors::Token),
    Clock(doors::Clock),
    Fault(doors::Fault),
    Advice(advice::Advice),
    Scope(doors::ScopeOf),
    /// Draw a PKCE verifier and its S256 challenge.
    Pkce,
}

/// The command line, with every variable that is set to nothing taken for one that is not set: what an `.env` file
/// and compose's `${NAME:-}` leave behind.
fn without_blanks(command: clap::Command) -> clap::Command {
    let is_blank = |name: &OsStr| {
        std::env::var_os(name).is_some_and(|value| value.to_string_lossy().trim().is_empty())
    };
    command
        .mut_args(|arg| match arg.get_env() {
            Some(name) if is_blank(name) => arg.env(None::<&'static str>),
            _ => arg,
        })
        .mut_subcommands(without_blanks)
}

/// Runs the program.
pub fn run(build: Build) -> ExitCode {
    let command = Cli::command().version(build.version);
    let matches = without_blanks(command).get_matches();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|why| why.exit());
    let outcome = match cli.command {
        None => serve(cli.options, build),
        Some(Command::Serve(options)) => serve(*options, build),
        Some(Command::Healthcheck(options)) => healthcheck::run(&options),
        Some(Command::Token(asked)) => wait_for(doors::token(asked)),
        Some(Command::Clock(asked)) => wait_for(doors::clock(asked)),
        Some(Command::Fault(asked)) => wait_for(doors::fault(asked)),
        Some(Command::Advice(asked)) => match wait_for(advice::show(&asked)) {
            Ok(Verdict::Passed) => Ok(()),
            Ok(Verdict::Failed) => return ExitCode::FAILURE,
            Err(why) => {
                complain(&why);
                return ExitCode::from(NOTHING_SAID);
            }
        },
        Some(Command::Scope(asked)) => doors::scope(&asked),
        Some(Command::Pkce) => doors::pkce(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn complain(why: &anyhow::Error) {
    let why = format!("{why:#}");
    let why = redact_message(&why);
    telemetry::say_last(format!("civitai-oauth-mock: {}\n", printable_lines(&why)));
}

/// Runs what only asks a running server.
fn wait_for<T>(asking: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(asking)
}

fn serve(options: Options, build: Build) -> anyhow::Result<()> {
    let options = options.with_file()?;
    let _log = telemetry::start(&options.log)?;
    let mut config = options.config()?;
    room::make(&mut config, options.connections());
    config.commit = build.commit;
    let planting = config.planting()?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            // Before anybody can know that we are here: a stop that comes early is a stop all the same.
            let mut terminated = Terminated::listen()?;
            // An earlier run's port is nobody's, or somebody else's; where this run comes to nothing, it may be the other's.
            let before = options.port_file.as_deref().and_then(take_port);
            let server = match Server::start(config).await {
                Ok(server) => server,
                Err(why) => {
                    if let (Some(file), Some(port)) = (&options.port_file, before) {
                        let _ = write_port(file, port.trim());
                    }
                    return Err(why.into());
                }
            };
            if let Some(file) = &options.port_file {
                write_port(file, &server.address().port().to_string())?;
            }
            say(&announcement(&server, &planting))?;
            terminated.wait().await;
            tokio::select! {
                () = server.stop() => Ok(()),
                // Whoever asks twice does not wait for what takes so long.
                () = terminated.wait() => anyhow::bail!("stopped at once, when asked for the second time"),
            }
        })
}

/// What stands in the file, which is removed.
fn take_port(file: &Path) -> Option<String> {
    let port = std::fs::read_to_string(file).ok()?;
    std::fs::remove_file(file).ok()?;
    Some(port)
}

/// Written beside and renamed, so that whoever waits for the file never reads half a number.
fn write_port(file: &Path, port: &str) -> anyhow::Result<()> {
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

/// Prints JSON. A terminal takes nothing in it for a command.
fn say_json(answer: &serde_json::Value) -> anyhow::Result<()> {
    let pretty = serde_json::to_string_pretty(answer)?;
    say(&format!("{}\n", printable_json(&pretty)))
}

/// What to point where. The first line is for programs.
fn announcement(server: &Server, planting: &Planting) -> String {
    let base = server.base_url();
    let mut text = format!("listening on http://{}\n\n", server.address());
    let mut line = |label: &str, value: &str| {
        writeln!(text, "  {label:<14}{value}").expect("writing to a String cannot fail");
    };
    line("base URL", &base);
    if let Some(address) = server.tls_address() {
        line("HTTPS", &format!("https://{address}"));
    }
    if let Some(address) = server.legacy_address() {
        line("legacy host", &format!("http://{address}"));
    }
    line("MCP", &format!("{base}/mcp"));
    if let Some(address) = server.mcp_address() {
        line("", &format!("http://{address}/mcp"));
    }
    for endpoint in ["authorize", "token", "userinfo", "revoke", "device"] {
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

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::without_blanks(<super::Cli as clap::CommandFactory>::command()).debug_assert();
    }
}
