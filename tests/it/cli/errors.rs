//! Error messages of the program for wrong flags, files and variables.

use insta::assert_snapshot;

use crate::support::{Program, TempDir};

/// Exit status and standard error of a run that must fail.
pub(crate) fn refusal(folder: &TempDir, arguments: &[&str]) -> String {
    let arguments = [&["--listen", "127.0.0.1:0"], arguments].concat();
    folder.redacted(&Program::refusal(&mut Program::command(&arguments)))
}

fn refusals(folder: &TempDir, cases: &[&[&str]]) -> String {
    let printed = cases.iter().map(|arguments| refusal(folder, arguments));
    printed.collect::<Vec<_>>().join("\n\n")
}

#[test]
fn wrong_flag_or_value_gets_a_suggestion() {
    let folder = TempDir::new();
    let cases: [&[&str]; 18] = [
        &["--contrat", "live"],
        &["--contract", "lively"],
        &["--difference", "scope-shapes=live"],
        &["--difference", "scope-shape"],
        &["--difference", "scope-shape=lively"],
        &["--consent", "approved"],
        &["--code-seconds", "-1"],
        &["--public-url", "localhost:8080"],
        &["--log", "loud"],
        &["--port", "8081"],
        &["--port=8081"],
        &["-p", "8081"],
        &["--host", "0.0.0.0"],
        &["--journal", "many"],
        &["--rate-limits=maybe"],
        &["--rate-limits", "maybe"],
        &["--journal", "-1"],
        &["--head-timeout", "-1"],
    ];
    assert_snapshot!(refusals(&folder, &cases), @r#"
    2: error: unexpected argument '--contrat' found

      tip: a similar argument exists: '--contract'

    Usage: civitai-oauth-mock --listen <ADDRESS> --contract <CONTRACT>

    For more information, try '--help'.

    2: error: invalid value 'lively' for '--contract <CONTRACT>': unknown contract "lively": use "documented", "live" or "live@2026-08"

    For more information, try '--help'.

    2: error: invalid value 'scope-shapes=live' for '--difference <NAME=CONTRACT>': unknown difference "scope-shapes"; did you mean "scope-shape"?

    For more information, try '--help'.

    2: error: invalid value 'scope-shape' for '--difference <NAME=CONTRACT>': "scope-shape" is not NAME=CONTRACT, for example scope-shape=live

    For more information, try '--help'.

    2: error: invalid value 'scope-shape=lively' for '--difference <NAME=CONTRACT>': unknown contract "lively": use "documented", "live" or "live@2026-08"

    For more information, try '--help'.

    2: error: invalid value 'approved' for '--consent <MODE>'
      [possible values: ask, approve, deny]

      tip: a similar value exists: 'approve'

    For more information, try '--help'.

    2: error: invalid value '-1' for '--code-seconds <SECONDS>': "-1" is not a lifetime: write whole seconds, such as 3600, or 1h

    For more information, try '--help'.

    1: civitai-oauth-mock: --public-url: "localhost:8080" is not an http or https origin; write scheme, host and port, for example http://localhost:8080

    1: civitai-oauth-mock: --log: "loud" is not a log level; choose off, error, warn, info, debug or trace, with or without ,json

    2: error: unexpected argument '--port' found

      tip: use '--listen 127.0.0.1:8081'

    For more information, try '--help'.

    2: error: unexpected argument '--port' found

      tip: use '--listen 127.0.0.1:8081'

    For more information, try '--help'.

    2: error: unexpected argument '-p' found

      tip: use '--listen 127.0.0.1:8081'

    For more information, try '--help'.

    2: error: unexpected argument '--host' found

      tip: use '--listen 0.0.0.0:8080'

    For more information, try '--help'.

    2: error: invalid value 'many' for '--journal <NUMBER>': "many" is not a whole number, 0 or more

    For more information, try '--help'.

    2: error: invalid value 'maybe' for '--rate-limits [<BOOL>]': "maybe" is not true or false

    For more information, try '--help'.

    2: error: invalid value 'maybe' for '--rate-limits [<BOOL>]': "maybe" is not true or false

    For more information, try '--help'.

    2: error: invalid value '-1' for '--journal <NUMBER>': "-1" is not a whole number, 0 or more

    For more information, try '--help'.

    2: error: invalid value '-1' for '--head-timeout <LENGTH>': "-1" is negative: write a length such as 30s

    For more information, try '--help'.
    "#);
}

#[test]
fn wrong_flags_show_no_secrets_and_no_control_characters() {
    let token = concat!("civitai_", "dec0de5ec2e7dec0de5ec2e7dec0de5ec2e7");
    let (flag, pair) = (format!("--{token}"), format!("client_secret={token}"));
    let folder = TempDir::new();
    let cases: [&[&str]; 8] = [
        &["--contract", token],
        &["--consent", token],
        &["--difference", &pair],
        &["--listen", "http://u:pass@h"],
        &[token],
        &[&flag],
        &["--contract", "\u{202e}X\u{9b}"],
        &["--\u{202e}X\u{9b}"],
    ];
    assert_snapshot!(refusals(&folder, &cases), @r#"
    2: error: invalid value '[redacted]' for '--contract <CONTRACT>': unknown contract "[redacted]": use "documented", "live" or "live@2026-08"

    For more information, try '--help'.

    2: error: invalid value '[redacted]' for '--consent <MODE>'
      [possible values: ask, approve, deny]

    For more information, try '--help'.

    2: error: invalid value 'client_secret=[redacted]' for '--difference <NAME=CONTRACT>': unknown difference "client_secret"; did you mean "client-credentials-scope"?

    For more information, try '--help'.

    2: error: invalid value 'http://[redacted]@h' for '--listen <ADDRESS>': "http://[redacted]@h" is not an address: write an IP address and a port, for example 127.0.0.1:8080

    For more information, try '--help'.

    2: error: the subcommand '[redacted]' cannot be used with '--listen <ADDRESS>'

    Usage: civitai-oauth-mock [OPTIONS]
           civitai-oauth-mock <COMMAND>

    For more information, try '--help'.

    2: error: unexpected argument '--[redacted]' found

    Usage: civitai-oauth-mock --listen <ADDRESS>

    For more information, try '--help'.

    2: error: invalid value '\u{202e}X\u{9b}' for '--contract <CONTRACT>': unknown contract "\u{202e}X\u{9b}": use "documented", "live" or "live@2026-08"

    For more information, try '--help'.

    2: error: unexpected argument '--\u{202e}X\u{9b}' found

    Usage: civitai-oauth-mock --listen <ADDRESS>

    For more information, try '--help'.
    "#);
    let mut command = Program::command(&["--color", "always", "clock", "\u{9b}"]);
    command.env("CIVITAI_MOCK_CONTRACT", token);
    let printed = Program::refusal(&mut command);
    assert!(
        !printed.contains('\u{9b}') && !printed.contains(token),
        "{printed}"
    );
    let mut command = Program::command(&[]);
    command.env("CIVITAI_MOCK_CONTRACT", token);
    assert_snapshot!(Program::refusal(&mut command), @r#"
    2: error: invalid value '[redacted]' for 'CIVITAI_MOCK_CONTRACT': unknown contract "[redacted]": use "documented", "live" or "live@2026-08"

    For more information, try '--help'.
    "#);
    let mut command = Program::command(&[]);
    command.env("CIVITAI_MOCK_\u{202e}X", "1");
    assert_snapshot!(Program::refusal(&mut command), @r"2: civitai-oauth-mock: CIVITAI_MOCK_\u{202e}X: unknown setting; remove it; `civitai-oauth-mock --help` lists the variables");
}

#[test]
fn unknown_login_user_is_rejected() {
    let folder = TempDir::new();
    assert_snapshot!(refusal(&folder, &["--login", "nobody"]), @r#"1: civitai-oauth-mock: --login: no user "nobody"; name a user by id or username: ada, grace, linus"#);
}

#[test]
fn seed_error_names_file_line_key_and_fix() {
    let folder = TempDir::new();
    let mut printed = String::new();
    for (name, text) in [
        (
            "uri.toml",
            "[[clients]]\nid = \"a\"\nname = \"A\"\nredirect_uris = [\"localhost:3000\"]\n",
        ),
        ("key.toml", "[[users]]\nid = 1\nuser_name = \"ada\"\n"),
        ("twice.toml", "[[users]]\nid = 1\n\n[[users]]\nid = 1\n"),
        ("table.toml", "[[user]]\nid = 1\n"),
        ("broken.toml", "[[users]\n"),
    ] {
        let file = folder.write(name, text);
        printed += &refusal(&folder, &["--seed", file.to_str().unwrap()]);
        printed += "\n";
    }
    assert_snapshot!(printed, @r#"
    1: civitai-oauth-mock: <folder>/uri.toml:4: clients[0].redirect_uris[0]: not a URL: "localhost:3000" lacks a scheme such as http://
    1: civitai-oauth-mock: <folder>/key.toml:3: users[0].user_name: unknown key "user_name"; did you mean "username"?
    1: civitai-oauth-mock: <folder>/twice.toml:5: users[1].id: an earlier user has the id 1
    1: civitai-oauth-mock: <folder>/table.toml:1: user: unknown key "user"; did you mean "users"?
    1: civitai-oauth-mock: <folder>/broken.toml:1: unclosed array table, expected `]`
    "#);
}

#[test]
fn configuration_error_names_file_line_key_and_fix() {
    let folder = TempDir::new();
    let mut printed = String::new();
    for (name, text) in [
        ("key.toml", "# mine\ncontrat = \"live\"\n"),
        ("value.toml", "contract = \"lively\"\n"),
        ("kind.toml", "rate_limits = \"maybe\"\n"),
        ("number.toml", "trust_proxy = 2\n"),
        ("size.toml", "journal_memory = true\n"),
        ("below.toml", "journal_memory = -1\n"),
        ("above.toml", "journal = 18446744073709551616\n"),
        ("wait.toml", "# mine\nhead_timeout = -1\n"),
        ("idle.toml", "sandbox_idle = [1]\n"),
        ("zero.toml", "\naccess_token_seconds = 0\n"),
        ("names.toml", "allowed_host = \"a.test, b c\"\n"),
        ("name.toml", "allowed_host = [\"a.test\", \"b c\"]\n"),
        ("path.toml", "seed = 5\n"),
        (
            "text.toml",
            "seed_toml = \"\"\"\nlogin = 1\n\"\"\"\nlogin = \"nobody\"\n",
        ),
        ("port.toml", "listen = 8080\n"),
        (
            "host.toml",
            "listen = [\"127.0.0.1:0\", \"localhost:8080\"]\n",
        ),
        ("tls.toml", "tls_listen = true\n"),
        ("mcp.toml", "mcp_listen = 9090\n"),
        ("life.toml", "access_token_seconds = \"long\"\n"),
        ("log.toml", "\nlog = \"loud\"\n"),
        ("url.toml", "# mine\npublic_url = \"localhost:8080\"\n"),
        ("login.toml", "login = \"nobody\"\n"),
        ("file.toml", "seed = \"none.toml\"\n"),
    ] {
        let file = folder.write(name, text);
        printed += &refusal(&folder, &["--config", file.to_str().unwrap()]);
        printed += "\n";
    }
    assert_snapshot!(printed, @r#"
    1: civitai-oauth-mock: <folder>/key.toml:2: contrat: unknown key "contrat"; did you mean "contract"?
    1: civitai-oauth-mock: <folder>/value.toml:1: contract: unknown value "lively"; did you mean "live"?
    1: civitai-oauth-mock: <folder>/kind.toml:1: rate_limits: "maybe" is not true or false
    1: civitai-oauth-mock: <folder>/number.toml:1: trust_proxy: 2 is not true or false
    1: civitai-oauth-mock: <folder>/size.toml:1: journal_memory: true is not a size; write 128MB, 64MiB or a number of bytes
    1: civitai-oauth-mock: <folder>/below.toml:1: journal_memory: "-1" is not a size: write 128MB, 64MiB or a number of bytes
    1: civitai-oauth-mock: <folder>/above.toml:1: journal: 18446744073709551616 is out of range: a number has at most 64 bits
    1: civitai-oauth-mock: <folder>/wait.toml:2: head_timeout: "-1" is negative: write a length such as 30s
    1: civitai-oauth-mock: <folder>/idle.toml:1: sandbox_idle: a list is not a length of time; write 30s, 5m or a number of seconds
    1: civitai-oauth-mock: <folder>/zero.toml:2: access_token_seconds: 0 is not a lifetime: a token or code would expire when it is issued; give 1 or more
    1: civitai-oauth-mock: <folder>/names.toml:1: allowed_host: "b c" is not a host name; write a name without scheme and port, such as mock.example, or *.example
    1: civitai-oauth-mock: <folder>/name.toml:1: allowed_host[1]: "b c" is not a host name; write a name without scheme and port, such as mock.example, or *.example
    1: civitai-oauth-mock: <folder>/path.toml:1: seed: 5 is not text
    1: civitai-oauth-mock: <folder>/text.toml:1: seed_toml:1: login: unknown key "login"; choose among users, clients, scopes
    1: civitai-oauth-mock: <folder>/port.toml:1: listen: 8080 is not text; write an IP address and a port, for example "127.0.0.1:8080"
    1: civitai-oauth-mock: <folder>/host.toml:1: listen[1]: "localhost:8080" has no IP address: write one before the port, for example 127.0.0.1:8080 or [::1]:8080
    1: civitai-oauth-mock: <folder>/tls.toml:1: tls_listen: true is not text; write an IP address and a port, for example "127.0.0.1:8080"
    1: civitai-oauth-mock: <folder>/mcp.toml:1: mcp_listen: 9090 is not text; write an IP address and a port, for example "127.0.0.1:9090", or "none"
    1: civitai-oauth-mock: <folder>/life.toml:1: access_token_seconds: "long" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    1: civitai-oauth-mock: <folder>/log.toml:2: log: "loud" is not a log level; choose off, error, warn, info, debug or trace, with or without ,json
    1: civitai-oauth-mock: <folder>/url.toml:2: public_url: "localhost:8080" is not an http or https origin; write scheme, host and port, for example http://localhost:8080
    1: civitai-oauth-mock: <folder>/login.toml:1: login: no user "nobody"; name a user by id or username: ada, grace, linus
    1: civitai-oauth-mock: <folder>/file.toml:1: seed: none.toml: No such file or directory (os error 2)
    "#);
}

#[test]
fn missing_file_is_named() {
    let folder = TempDir::new();
    let missing = folder.path("none/there.toml");
    let missing = missing.to_str().unwrap();
    let cases: [&[&str]; 4] = [
        &["--seed", missing],
        &["--config", missing],
        &["--database", missing],
        &["--port-file", missing],
    ];
    assert_snapshot!(refusals(&folder, &cases), @"
    1: civitai-oauth-mock: --seed: <folder>/none/there.toml: No such file or directory (os error 2)

    1: civitai-oauth-mock: --config: <folder>/none/there.toml: No such file or directory (os error 2)

    1: civitai-oauth-mock: cannot open the database <folder>/none/there.toml: it cannot be created: No such file or directory (os error 2); the folder must exist, and this user must be able to write to it; choose another with --database, or --database memory

    1: civitai-oauth-mock: --port-file: <folder>/none/there.toml: No such file or directory (os error 2)
    ");
}

#[test]
fn invalid_variable_is_named() {
    let output = Program::command(&["--listen", "127.0.0.1:0"])
        .env("CIVITAI_CLIENT_ID", "mine")
        .env("REDIRECT_URI", "localhost:3000")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_snapshot!(String::from_utf8_lossy(&output.stderr), @r#"civitai-oauth-mock: REDIRECT_URI: not a URL: "localhost:3000" lacks a scheme such as http://"#);
}

#[test]
fn version_flag_prints_name_and_version() {
    let output = Program::output(&["--version"]);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let name = concat!("civitai-oauth-mock ", env!("CARGO_PKG_VERSION"));
    let commit = printed.trim().strip_prefix(name).unwrap_or("another name");
    // A build from a packaged crate knows no commit.
    let is_commit = |text: &str| text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let commit = commit
        .strip_prefix(" (")
        .and_then(|rest| rest.strip_suffix(')'))
        .or(commit.is_empty().then_some(""));
    assert!(commit.is_some_and(is_commit), "{printed}");
}
