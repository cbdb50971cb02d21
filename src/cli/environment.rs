//! Checks of the environment: unknown `CIVITAI_MOCK_*` variables, quotes that belong to an `.env` file, and errors of
//! the command line that a variable caused.

use std::collections::BTreeSet;
use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::invalid::Invalid;

/// The prefix of the variables that are settings.
const PREFIX: &str = "CIVITAI_MOCK_";

/// Variables of the build, which `cargo run` passes on.
const BUILD_VARIABLES: [&str; 2] = ["CIVITAI_MOCK_COMMIT", "CIVITAI_MOCK_VERSION"];

/// The variables of an app that describe its client.
pub(super) const APP_VARIABLES: [&str; 4] = [
    "CIVITAI_CLIENT_ID",
    "CIVITAI_CLIENT_SECRET",
    "CIVITAI_REDIRECT_URI",
    "REDIRECT_URI",
];

/// Its value is TOML, which may start and end with quotes of its own.
const SEED_TEXT: &str = "CIVITAI_MOCK_SEED_TOML";

/// The variables that the command line reads.
pub(super) fn known(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(clap::Arg::get_env);
    let mut names: BTreeSet<String> = own
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    for subcommand in command.get_subcommands() {
        names.append(&mut known(subcommand));
    }
    names
}

/// One error for each unknown variable with the prefix of the settings.
pub(super) fn unknown(
    known: &BTreeSet<String>,
    environment: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<Invalid> {
    let mut errors = Vec::new();
    for (name, value) in environment {
        let (name, value) = (name.to_string_lossy(), value.to_string_lossy());
        let Some(setting) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let is_known = known.contains(&*name) || BUILD_VARIABLES.contains(&&*name);
        // A variable without a value counts as absent: compose's `${NAME:-}` sets such variables.
        if is_known || value.trim().is_empty() || is_kubernetes(&name, &value) {
            continue;
        }
        let error = Invalid::new(&*name, "unknown setting");
        let settings = known.iter().filter_map(|name| name.strip_prefix(PREFIX));
        let nearest = || {
            let near = crate::suggest::closest_match(setting, settings)?;
            Some(format!("did you mean {PREFIX}{near}?"))
        };
        let hint = port_hint(setting, &value)
            .or_else(nearest)
            .unwrap_or_else(|| {
                "remove it; `civitai-oauth-mock --help` lists the variables".to_owned()
            });
        errors.push(error.with_hint(hint));
    }
    errors.sort_by(|one, other| one.path.cmp(&other.path));
    errors
}

/// The hint for `CIVITAI_MOCK_PORT=8081`.
fn port_hint(setting: &str, value: &str) -> Option<String> {
    let port: u16 = without_quotes(value.trim()).parse().ok()?;
    (setting == "PORT").then(|| format!("write {PREFIX}LISTEN=127.0.0.1:{port}"))
}

/// Whether Kubernetes sets such a variable for a service called `civitai-mock` or `civitai-mock-…`.
fn is_kubernetes(name: &str, value: &str) -> bool {
    if name.ends_with("_SERVICE_HOST") || name.contains("_SERVICE_PORT") {
        return true;
    }
    let is_url = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    if name.ends_with("_PORT") && is_url {
        return true;
    }
    // `…_PORT_8080_TCP`, and the same with `_PROTO`, `_PORT` and `_ADDR`.
    let Some((_, rest)) = name.rsplit_once("_PORT_") else {
        return false;
    };
    let mut words = rest.split('_');
    let is_port = words.next().is_some_and(|port| port.parse::<u16>().is_ok());
    is_port
        && words
            .next()
            .is_some_and(|word| ["TCP", "UDP", "SCTP"].contains(&word))
}

/// The value without a matching pair of quotes around it.
pub(super) fn without_quotes(value: &str) -> &str {
    ['"', '\'']
        .iter()
        .find_map(|&quote| value.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(value)
}

/// The value of a variable without its quotes, if it has any.
fn unquoted(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    let plain = without_quotes(value.trim());
    (name != SEED_TEXT && plain.len() < value.trim().len()).then(|| plain.to_owned())
}

/// The variables whose values have quotes around them.
pub(super) fn quoted(known: &BTreeSet<String>) -> Vec<String> {
    let names = known.iter().map(String::as_str).chain(APP_VARIABLES);
    let has_client = std::env::var_os(APP_VARIABLES[0]).is_some();
    names
        .filter(|name| name.starts_with("CIVITAI_") || has_client)
        .filter(|name| unquoted(name).is_some())
        .map(str::to_owned)
        .collect()
}

/// The warning about a variable whose value has quotes.
pub(super) fn quotes_warning(name: &str) -> String {
    format!(
        "{name}: the quotes around the value are ignored; docker run --env-file takes each line literally, so write the \
         value without quotes"
    )
}

/// The command line with a corrected environment: variables without a value count as absent, and quotes around values are
/// removed.
pub(super) fn with_environment(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let Some(name) = arg
                .get_env()
                .map(|name| name.to_string_lossy().into_owned())
            else {
                return arg;
            };
            let is_blank = std::env::var_os(&name)
                .is_some_and(|value| value.to_string_lossy().trim().is_empty());
            match unquoted(&name) {
                _ if is_blank => arg.env(None::<&'static str>),
                Some(plain) if plain.trim().is_empty() => arg.env(None::<&'static str>),
                Some(plain) => arg
                    .env(None::<&'static str>)
                    .default_value(plain)
                    .hide_default_value(true),
                None => arg,
            }
        })
        .mut_subcommands(with_environment)
}

fn without_environment(command: Command) -> Command {
    command
        .mut_args(|arg| arg.env(None::<&'static str>))
        .mut_subcommands(without_environment)
}

/// The error, naming the variable instead of the flag if its value is the cause. `arguments` are the parsed ones.
pub(super) fn name_variable_in_error(
    mut error: clap::Error,
    command: &Command,
    arguments: Vec<OsString>,
) -> clap::Error {
    let shown = |error: &clap::Error| error.get(ContextKind::InvalidArg).map(ToString::to_string);
    let (ErrorKind::ValueValidation | ErrorKind::InvalidValue, Some(arg)) =
        (error.kind(), shown(&error))
    else {
        return error;
    };
    let by_flag = without_environment(command.clone())
        .try_get_matches_from(arguments)
        .is_err_and(|other| shown(&other).as_deref() == Some(&*arg));
    // Only a command that is built can show its arguments.
    let mut built = command.clone();
    built.build();
    if !by_flag && let Some(name) = variable_of(&built, &arg) {
        error.insert(ContextKind::InvalidArg, ContextValue::String(name));
    }
    error
}

/// The variable of the argument that is shown like this: `--contract <CONTRACT>`.
fn variable_of(command: &Command, shown: &str) -> Option<String> {
    let mut own = command.get_arguments();
    let name = own
        .find(|arg| arg.to_string() == shown)
        .and_then(|arg| Some(arg.get_env()?.to_string_lossy().into_owned()));
    name.or_else(|| {
        let mut subcommands = command.get_subcommands();
        subcommands.find_map(|subcommand| variable_of(subcommand, shown))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(variables: &[(&str, &str)]) -> String {
        let known = ["CONTRACT", "LISTEN", "PORT_FILE", "ACCESS_TOKEN_SECONDS"];
        let known = known.iter().map(|name| format!("{PREFIX}{name}")).collect();
        let variables = variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)));
        let errors = unknown(&known, variables);
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        lines.join("\n")
    }

    #[test]
    fn an_unknown_variable_is_named_with_the_nearest_setting() {
        insta::assert_snapshot!(errors(&[
            ("CIVITAI_MOCK_CONTRAKT", "live"),
            ("CIVITAI_MOCK_TOKEN_SECONDS", "60"),
            ("CIVITAI_MOCK_PORT", "8081"),
            ("CIVITAI_MOCK_XYZ", "1"),
        ]), @"
        CIVITAI_MOCK_CONTRAKT: unknown setting; did you mean CIVITAI_MOCK_CONTRACT?
        CIVITAI_MOCK_PORT: unknown setting; write CIVITAI_MOCK_LISTEN=127.0.0.1:8081
        CIVITAI_MOCK_TOKEN_SECONDS: unknown setting; did you mean CIVITAI_MOCK_ACCESS_TOKEN_SECONDS?
        CIVITAI_MOCK_XYZ: unknown setting; remove it; `civitai-oauth-mock --help` lists the variables
        ");
    }

    #[test]
    fn known_blank_foreign_and_kubernetes_variables_pass() {
        let variables = [
            ("CIVITAI_MOCK_CONTRACT", "live"),
            ("CIVITAI_MOCK_CONTRAKT", " "),
            ("CIVITAI_API_KEY", "x"),
            ("CIVITAI_MOCK_VERSION", "0.1.0"),
            ("CIVITAI_MOCK_SERVICE_HOST", "10.0.0.1"),
            ("CIVITAI_MOCK_SERVICE_PORT", "8080"),
            ("CIVITAI_MOCK_SERVICE_PORT_HTTP", "8080"),
            ("CIVITAI_MOCK_PORT", "tcp://10.0.0.1:8080"),
            ("CIVITAI_MOCK_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("CIVITAI_MOCK_PORT_8080_TCP_PROTO", "tcp"),
            ("CIVITAI_MOCK_PORT_8080_TCP_PORT", "8080"),
            ("CIVITAI_MOCK_PORT_8080_TCP_ADDR", "10.0.0.1"),
            ("CIVITAI_MOCK_API_PORT_9090_UDP_ADDR", "10.0.0.1"),
        ];
        assert_eq!(errors(&variables), "");
        assert!(errors(&[("CIVITAI_MOCK_PORT_FIL", "x")]).contains("PORT_FILE?"));
    }

    #[test]
    fn one_matching_pair_of_quotes_is_removed() {
        for (value, plain) in [
            ("\"live\"", "live"),
            ("'live'", "live"),
            ("\"live'", "\"live'"),
            ("\"", "\""),
            ("\"\"", ""),
            ("live", "live"),
        ] {
            assert_eq!(without_quotes(value), plain);
        }
    }
}
