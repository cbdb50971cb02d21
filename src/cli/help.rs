//! The help: groups of options, the options that `-h` omits, and the sections below the options.

use clap::{Arg, Command};

/// The options of the server under one heading.
pub(super) struct Group {
    heading: &'static str,
    pub(super) common: &'static [&'static str],
    /// Shown by `--help` alone.
    pub(super) rare: &'static [&'static str],
}

pub(super) const GROUPS: [Group; 5] = [
    Group {
        heading: "Listen",
        common: &["listen", "tls_listen", "control_token"],
        rare: &[
            "tls_cert",
            "tls_key",
            "tls_ca_file",
            "legacy_listen",
            "mcp_listen",
            "public_url",
            "allowed_host",
            "trust_proxy",
        ],
    },
    Group {
        heading: "Data",
        common: &["database", "seed"],
        rare: &["seed_toml", "signing_key", "entropy_seed"],
    },
    Group {
        heading: "Behavior",
        common: &[
            "contract",
            "difference",
            "login",
            "consent",
            "rate_limits",
            "access_token_seconds",
            "unknown_clients",
        ],
        rare: &[
            "refresh_token_seconds",
            "code_seconds",
            "workflow_cost",
            "workflow_seconds",
            "reason_headers",
        ],
    },
    Group {
        heading: "Limits",
        common: &[],
        rare: &[
            "sandbox_idle",
            "journal",
            "journal_memory",
            "head_timeout",
            "body_timeout",
            "max_sandboxes",
            "max_connections",
            "max_head_bytes",
            "max_headers",
        ],
    },
    Group {
        heading: "Diagnostics",
        common: &["port_file", "log"],
        rare: &[],
    },
];

/// The sections below the options of a command. Lines are at most 100 characters long.
pub(super) struct Footer {
    /// The subcommand; empty for the program.
    pub(super) command: &'static str,
    pub(super) examples: &'static str,
    exit_status: &'static str,
}

const EXAMPLES: &str = "\
  civitai-oauth-mock                                         Start; the console is at /_mock
  civitai-oauth-mock --login ada --consent approve           No sign-in page, no consent page
  civitai-oauth-mock --contract live --database mock.db      As deployed; data in a file
  civitai-oauth-mock --listen 127.0.0.1:0 --port-file port   A free port, for tests";

const EXIT_STATUS: &str = "\
  0  Success, or the server was stopped by Ctrl-C or SIGTERM
  1  A setting, a file or an address cannot be used, or the command failed
  2  The command line cannot be parsed, or a CIVITAI_MOCK_* variable is unknown";

const EXIT_STATUS_OF_CALL: &str = "\
  0  Success
  1  The server cannot be reached, or rejected the request, or the output cannot be written
  2  The command line cannot be parsed, or a CIVITAI_MOCK_* variable is unknown";

const EXIT_STATUS_WITHOUT_SERVER: &str = "\
  0  Success
  1  The output cannot be written
  2  The command line cannot be parsed";

pub(super) const FOOTERS: [Footer; 11] = [
    Footer {
        command: "",
        examples: EXAMPLES,
        exit_status: EXIT_STATUS,
    },
    Footer {
        command: "serve",
        examples: EXAMPLES,
        exit_status: EXIT_STATUS,
    },
    Footer {
        command: "healthcheck",
        examples: "\
  civitai-oauth-mock healthcheck
  civitai-oauth-mock healthcheck --listen 127.0.0.1:9000
  civitai-oauth-mock healthcheck --server http://mock:8080",
        exit_status: "\
  0  The server answers, and can write to its database
  1  The server cannot be reached, or cannot write to its database, or the output cannot be written
  2  The command line cannot be parsed, or a CIVITAI_MOCK_* variable is unknown",
    },
    Footer {
        command: "token",
        examples: "\
  civitai-oauth-mock token --user ada
  civitai-oauth-mock token --user ada --scope \"AI Services\" --json",
        exit_status: EXIT_STATUS_OF_CALL,
    },
    Footer {
        command: "clock",
        examples: "\
  civitai-oauth-mock clock                               Show the time
  civitai-oauth-mock clock advance 61m                   Access tokens expire
  civitai-oauth-mock clock freeze 2026-01-31T12:00:00Z   Freeze at this time",
        exit_status: EXIT_STATUS_OF_CALL,
    },
    Footer {
        command: "fault",
        examples: "\
  civitai-oauth-mock fault presets                         List what can be set
  civitai-oauth-mock fault token-endpoint-down --times 1   The next token request gets 503
  civitai-oauth-mock fault refresh-revoked --client mine    Only for this client
  civitai-oauth-mock fault list                            List the active faults
  civitai-oauth-mock fault delete                          Delete all faults",
        exit_status: EXIT_STATUS_OF_CALL,
    },
    Footer {
        command: "reset",
        examples: "\
  civitai-oauth-mock reset
  civitai-oauth-mock reset --server http://127.0.0.1:8080/_sandbox/first",
        exit_status: EXIT_STATUS_OF_CALL,
    },
    Footer {
        command: "advice",
        examples: "\
  civitai-oauth-mock advice
  civitai-oauth-mock advice --fail-on warning
  civitai-oauth-mock advice --format sarif --location src/auth.ts > advice.sarif",
        exit_status: "\
  0  Success; with --fail-on: no finding of this severity or worse
  1  With --fail-on: a finding of this severity or worse
  2  The server cannot be reached, or with --fail-on: it has received no requests of the client;
     also if the output cannot be written, the command line cannot be parsed, or a CIVITAI_MOCK_*
     variable is unknown",
    },
    Footer {
        command: "scope",
        examples: "\
  civitai-oauth-mock scope 114689
  civitai-oauth-mock scope \"AI Services\"
  civitai-oauth-mock scope ModelsRead,MediaRead",
        exit_status: EXIT_STATUS_WITHOUT_SERVER,
    },
    Footer {
        command: "pkce",
        examples: "\
  civitai-oauth-mock pkce
  civitai-oauth-mock pkce --json",
        exit_status: EXIT_STATUS_WITHOUT_SERVER,
    },
    Footer {
        command: "completions",
        examples: "\
  source <(civitai-oauth-mock completions bash)                         A line of ~/.bashrc
  civitai-oauth-mock completions zsh > ~/.zfunc/_civitai-oauth-mock     A folder of $fpath
  civitai-oauth-mock completions powershell | Out-String | Invoke-Expression
  civitai-oauth-mock completions fish > ~/.config/fish/completions/civitai-oauth-mock.fish",
        exit_status: EXIT_STATUS_WITHOUT_SERVER,
    },
];

const OUTPUT: &str = "\
  Commands print text for people, on a terminal and in a pipe. With --json they print JSON for
  programs: the answer of the control API. Errors and the log are written to standard error.";

const SETTINGS: &str = "\
  Each option of the server has a variable, such as CIVITAI_MOCK_LISTEN, and a key in the file of
  --config, such as listen. An option overrides the variable, and the variable the file.
  CIVITAI_CLIENT_ID, CIVITAI_CLIENT_SECRET and CIVITAI_REDIRECT_URI register a client at the start.
  NO_COLOR turns colors off.";

/// The command line with its help. The short help has no variables: they follow one pattern.
pub(super) fn with_help(command: Command, is_short: bool) -> Command {
    let command = command
        .mut_args(grouped)
        .mut_subcommand("serve", |serve| serve.mut_args(grouped));
    let command = FOOTERS.iter().fold(command, |command, footer| {
        if footer.command.is_empty() {
            with_footer(command, footer)
        } else {
            command.mut_subcommand(footer.command, |command| with_footer(command, footer))
        }
    });
    if is_short {
        without_variables(command)
    } else {
        command
    }
}

/// The option under its heading.
fn grouped(arg: Arg) -> Arg {
    let id = arg.get_id().as_str();
    let has = |ids: &[&str]| ids.contains(&id);
    let group = GROUPS
        .iter()
        .find(|group| has(group.common) || has(group.rare));
    match group {
        Some(group) => {
            let is_rare = has(group.rare);
            arg.help_heading(group.heading).hide_short_help(is_rare)
        }
        None => arg,
    }
}

fn with_footer(command: Command, footer: &Footer) -> Command {
    let examples = section("Examples", footer.examples);
    let mut sections = vec![examples.clone()];
    if footer.command.is_empty() {
        sections.push(section("Output", OUTPUT));
    }
    if ["", "serve"].contains(&footer.command) {
        sections.push(section("Settings", SETTINGS));
    }
    sections.push(section("Exit status", footer.exit_status));
    command
        .after_help(examples)
        .after_long_help(sections.join("\n\n"))
}

/// A section, with its heading in the style of clap's. The first line of a text is not indented, because a string that
/// begins with a continued line loses its indent.
fn section(heading: &str, text: &str) -> String {
    format!("\u{1b}[1m\u{1b}[4m{heading}:\u{1b}[0m\n  {text}")
}

fn without_variables(command: Command) -> Command {
    command
        .mut_args(|arg| arg.hide_env(true))
        .mut_subcommands(without_variables)
}
