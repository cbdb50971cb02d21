//! The command line: its subcommands, and how it is parsed. What can be set is `options.rs`.

mod advice;
mod app_client;
mod color;
mod commands;
mod completions;
mod defaults;
mod distinct_files;
mod environment;
mod fault;
mod file_limit;
mod file_values;
mod healthcheck;
mod help;
mod options;
mod output;
mod pkce;
mod port_file;
mod request_lines;
mod running_server;
mod scope;
mod serve;
mod settings;
mod sources;
mod startup;
mod telemetry;
#[cfg(test)]
mod tests;
mod text;
mod values;

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use advice::Verdict;
use color::ColorWhen;
use defaults::DEFAULT_LISTEN;
use healthcheck::Healthcheck;
use options::Options;
use sources::Sources;

use crate::redact::{printable, printable_lines, redact_message};

pub use serve::Build;

/// The exit status of an invalid command line or environment, and of advice that cannot be computed.
const UNUSABLE: u8 = 2;

/// A mock of Civitai's OAuth 2.0 server: the same responses, offline.
#[derive(Debug, Parser)]
#[command(name = "civitai-oauth-mock", args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Color the output: auto, always or never [default: auto]
    #[arg(long, global = true, env = color::VARIABLE, value_name = "WHEN", hide_possible_values = true)]
    color: Option<ColorWhen>,
    #[command(flatten)]
    options: Options,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server (default).
    Serve(Box<Options>),
    Healthcheck(Healthcheck),
    Token(commands::TokenCommand),
    Clock(commands::ClockCommand),
    Fault(fault::FaultOptions),
    Reset(commands::ResetCommand),
    Advice(advice::Advice),
    Scope(scope::ScopeOptions),
    Pkce(pkce::PkceOptions),
    Completions(completions::Completions),
}

impl Command {
    /// Whether the command neither starts nor calls a server.
    fn is_offline(&self) -> bool {
        match self {
            Self::Scope(_) | Self::Pkce(_) | Self::Completions(_) => true,
            Self::Fault(options) => options.is_offline(),
            _ => false,
        }
    }
}

/// A command line that was parsed.
struct Parsed {
    cli: Cli,
    sources: Sources,
    /// Variables with quotes around their values.
    warnings: Vec<String>,
}

/// Parses the command line and the environment. Errors: the exit code, after the error was printed.
fn parse(build: Build) -> Result<Parsed, ExitCode> {
    let is_short_help = std::env::args_os().any(|argument| argument == "-h");
    let command = help::with_help(with_negative_numbers(Cli::command()), is_short_help)
        .version(build.version)
        .color(ColorWhen::early().for_clap());
    let known = environment::known(&command);
    let arguments = color::move_to_end(std::env::args_os());
    let matches = environment::with_environment(command.clone()).try_get_matches_from(&arguments);
    let matches = matches.map_err(|error| {
        let error = environment::name_variable_in_error(error, &command, arguments.clone());
        print_parse_error(&with_tip(error, arguments))
    })?;
    let cli = Cli::from_arg_matches(&matches).map_err(|error| print_parse_error(&error))?;
    if !cli.command.as_ref().is_some_and(Command::is_offline) {
        let unknown = environment::unknown(&known, std::env::vars_os());
        if !unknown.is_empty() {
            let lines = unknown
                .iter()
                .map(|error| format!("civitai-oauth-mock: {}\n", printable(&error.to_string())));
            telemetry::print_last(lines.collect());
            return Err(ExitCode::from(UNUSABLE));
        }
    }
    let options = matches
        .subcommand()
        .map_or(&matches, |(_, matches)| matches);
    Ok(Parsed {
        cli,
        sources: Sources::new(options),
        warnings: environment::quoted(&known)
            .iter()
            .map(|name| environment::quotes_warning(name))
            .collect(),
    })
}

/// Prints an error of the parser, or the help. An error with redacted or escaped text has no colors.
fn print_parse_error(error: &clap::Error) -> ExitCode {
    let text = error.render().to_string();
    let redacted = redact_message(&text);
    let safe = printable_lines(&redacted);
    if !error.use_stderr() || safe == text {
        error.exit();
    }
    telemetry::print_last(safe.into_owned());
    ExitCode::from(UNUSABLE)
}

/// The command line, with `-1` as a value: the parser of the option then reports the error.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let takes_value = arg.get_action().takes_values();
            arg.allow_negative_numbers(takes_value)
        })
        .mut_subcommands(with_negative_numbers)
}

/// A tip for options of other servers, which this one has under another name.
fn with_tip(mut error: clap::Error, arguments: Vec<OsString>) -> clap::Error {
    let unknown = error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let (ErrorKind::UnknownArgument, Some(unknown)) = (error.kind(), unknown) else {
        return error;
    };
    let mut after = arguments.into_iter().skip_while(|argument| {
        let argument = argument.to_string_lossy();
        argument != *unknown && !argument.starts_with(&format!("{unknown}="))
    });
    let argument = after.next().unwrap_or_default();
    let argument = argument.to_string_lossy();
    let value = match argument.split_once('=') {
        Some((_, value)) => value.to_owned(),
        None => after
            .next()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
    };
    let address = match unknown.as_str() {
        "--port" | "-p" => format!("127.0.0.1:{}", value.parse().unwrap_or(8080_u16)),
        "--host" | "--bind" | "--address" | "--addr" => match value.parse::<IpAddr>() {
            Ok(ip) => SocketAddr::new(ip, DEFAULT_LISTEN.port()).to_string(),
            Err(_) => DEFAULT_LISTEN.to_string(),
        },
        _ => return error,
    };
    let tip = StyledStr::from(format!("use '--listen {address}'"));
    error.remove(ContextKind::SuggestedArg);
    error.remove(ContextKind::Usage);
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    error
}

/// Runs the program.
pub fn run(build: Build) -> ExitCode {
    let Parsed {
        cli,
        sources,
        warnings,
    } = match parse(build) {
        Ok(parsed) => parsed,
        Err(status) => return status,
    };
    let start = |options: Options, sources, warnings| {
        let options = Options {
            sources,
            color: cli.color,
            ..options
        };
        serve::run(options, build, warnings)
    };
    let outcome = match cli.command {
        None => start(cli.options, sources, warnings),
        Some(Command::Serve(options)) => start(*options, sources, warnings),
        Some(command) => {
            for warning in warnings {
                telemetry::print_last(format!("civitai-oauth-mock: {warning}\n"));
            }
            return run_command(command, &sources);
        }
    };
    exit_code(outcome)
}

/// Runs a command that serves nothing.
fn run_command(command: Command, sources: &Sources) -> ExitCode {
    exit_code(match command {
        Command::Serve(_) => Ok(()),
        Command::Healthcheck(options) => wait_for(healthcheck::run(options, sources)),
        Command::Token(token) => wait_for(commands::token(token, sources)),
        Command::Clock(clock) => wait_for(commands::clock(clock, sources)),
        Command::Fault(options) => wait_for(fault::run(options, sources)),
        Command::Reset(reset) => wait_for(commands::reset(reset, sources)),
        Command::Advice(options) => match wait_for(advice::run(options, sources)) {
            Ok(Verdict::Passed) => Ok(()),
            Ok(Verdict::Failed) => return ExitCode::FAILURE,
            Err(error) => {
                print_error(&error);
                return ExitCode::from(UNUSABLE);
            }
        },
        Command::Scope(options) => scope::run(&options),
        Command::Pkce(options) => pkce::run(&options),
        Command::Completions(options) => completions::run(&options, Cli::command()),
    })
}

fn exit_code(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_error(&error);
            ExitCode::FAILURE
        }
    }
}

fn print_error(error: &anyhow::Error) {
    let text = format!("{error:#}");
    let text = redact_message(&text);
    telemetry::print_last(format!("civitai-oauth-mock: {}\n", printable_lines(&text)));
}

/// Runs a command that calls a running server.
fn wait_for<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(command)
}
