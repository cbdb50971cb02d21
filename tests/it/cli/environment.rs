//! Environment variables of the program that are unknown, wrong, quoted or without effect.

use std::process::Command;

use insta::assert_snapshot;

use crate::support::{Program, SandboxClient, TempDir};

fn with(variables: &[(&str, &str)]) -> Command {
    let mut command = Program::command(&[]);
    command.env("CIVITAI_MOCK_LISTEN", "127.0.0.1:0");
    command.envs(variables.iter().copied());
    command
}

#[test]
fn invalid_value_is_reported_with_the_name_of_its_source() {
    let folder = TempDir::new();
    let missing = folder.path("none.toml");
    let (mut printed, mut by_file) = (String::new(), String::new());
    for (key, value) in [
        ("contract", "prod"),
        ("consent", "approved"),
        ("listen", "8080"),
        ("mcp_listen", "localhost:9090"),
        ("difference", "scope-shapes=live"),
        ("access_token_seconds", "long"),
        ("sandbox_idle", "never"),
        ("journal", "many"),
        ("rate_limits", "maybe"),
        ("color", "mauve"),
        ("log", "loud"),
        ("public_url", "localhost:8080"),
        ("login", "nobody"),
        ("max_head_bytes", "1"),
        ("journal", "-1"),
        ("journal_memory", "much"),
        ("head_timeout", "-1"),
        ("trust_proxy", "maybe"),
        ("allowed_host", "a b"),
        ("code_seconds", "300ms"),
        ("refresh_token_seconds", "0"),
        ("seed", missing.to_str().unwrap()),
        ("config", missing.to_str().unwrap()),
    ] {
        let variable = format!("CIVITAI_MOCK_{}", key.to_uppercase());
        let by_variable = Program::refusal(&mut with(&[(&variable, value)]));
        let flag = format!("--{}", key.replace('_', "-"));
        let given = format!("{flag}={value}");
        let mut by_flag = Program::command(&[&given]);
        if key != "listen" {
            by_flag.env("CIVITAI_MOCK_LISTEN", "127.0.0.1:0");
        }
        let by_flag = Program::refusal(&mut by_flag);
        assert!(
            !by_variable.contains("--listen") || key == "listen",
            "{by_variable}"
        );
        // The same text except for the name, and for the placeholder that clap adds to a flag.
        let plain = |text: &str| {
            let text = text.replace(&variable, &flag).replace(" [<BOOL>]", "");
            let words = text
                .split(" <")
                .map(|part| part.split_once('>').map_or(part, |(_, rest)| rest));
            words.collect::<String>()
        };
        assert_eq!(plain(&by_variable), plain(&by_flag));
        let first = by_variable.lines().next().unwrap_or_default();
        printed += &format!("{}\n", folder.redacted(first));
        if key != "config" {
            let file = folder.write("mock.toml", &format!("{key} = {value:?}\n"));
            let mut command = Program::command(&["--config", file.to_str().unwrap()]);
            by_file += &format!("{}\n", folder.redacted(&Program::refusal(&mut command)));
        }
    }
    assert_snapshot!(by_file, @r#"
    1: civitai-oauth-mock: <folder>/mock.toml:1: contract: unknown value "prod"; choose among documented, live, live@2026-08
    1: civitai-oauth-mock: <folder>/mock.toml:1: consent: unknown value "approved"; did you mean "approve"?
    1: civitai-oauth-mock: <folder>/mock.toml:1: listen: "8080" is not an address: write an IP address and a port, for example 127.0.0.1:8080
    1: civitai-oauth-mock: <folder>/mock.toml:1: mcp_listen: "localhost:9090" has no IP address: write one before the port, for example 127.0.0.1:9090 or [::1]:9090, or "none"
    1: civitai-oauth-mock: <folder>/mock.toml:1: difference: unknown difference "scope-shapes"; did you mean "scope-shape"?
    1: civitai-oauth-mock: <folder>/mock.toml:1: access_token_seconds: "long" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    1: civitai-oauth-mock: <folder>/mock.toml:1: sandbox_idle: "never" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    1: civitai-oauth-mock: <folder>/mock.toml:1: journal: "many" is not a whole number, 0 or more
    1: civitai-oauth-mock: <folder>/mock.toml:1: rate_limits: "maybe" is not true or false
    1: civitai-oauth-mock: <folder>/mock.toml:1: color: unknown value "mauve"; choose among auto, always, never
    1: civitai-oauth-mock: <folder>/mock.toml:1: log: "loud" is not a log level; choose off, error, warn, info, debug or trace, with or without ,json
    1: civitai-oauth-mock: <folder>/mock.toml:1: public_url: "localhost:8080" is not an http or https origin; write scheme, host and port, for example http://localhost:8080
    1: civitai-oauth-mock: <folder>/mock.toml:1: login: no user "nobody"; name a user by id or username: ada, grace, linus
    1: civitai-oauth-mock: <folder>/mock.toml:1: max_head_bytes: 1 bytes are too few for a request; give 8192 or more
    1: civitai-oauth-mock: <folder>/mock.toml:1: journal: -1 is not a whole number, 0 or more
    1: civitai-oauth-mock: <folder>/mock.toml:1: journal_memory: "much" is not a size: write 128MB, 64MiB or a number of bytes
    1: civitai-oauth-mock: <folder>/mock.toml:1: head_timeout: "-1" is negative: write a length such as 30s
    1: civitai-oauth-mock: <folder>/mock.toml:1: trust_proxy: "maybe" is not true or false
    1: civitai-oauth-mock: <folder>/mock.toml:1: allowed_host: "a b" is not a host name; write a name without scheme and port, such as mock.example, or *.example
    1: civitai-oauth-mock: <folder>/mock.toml:1: code_seconds: "300ms" is not a lifetime: write whole seconds, such as 3600, or 1h
    1: civitai-oauth-mock: <folder>/mock.toml:1: refresh_token_seconds: 0 is not a lifetime: a token or code would expire when it is issued; give 1 or more
    1: civitai-oauth-mock: <folder>/mock.toml:1: seed: <folder>/none.toml: No such file or directory (os error 2)
    "#);
    assert_snapshot!(printed, @r#"
    2: error: invalid value 'prod' for 'CIVITAI_MOCK_CONTRACT': unknown contract "prod": use "documented", "live" or "live@2026-08"
    2: error: invalid value 'approved' for 'CIVITAI_MOCK_CONSENT'
    2: error: invalid value '8080' for 'CIVITAI_MOCK_LISTEN': "8080" is not an address: write an IP address and a port, for example 127.0.0.1:8080
    2: error: invalid value 'localhost:9090' for 'CIVITAI_MOCK_MCP_LISTEN': "localhost:9090" has no IP address: write one before the port, for example 127.0.0.1:9090 or [::1]:9090, or "none"
    2: error: invalid value 'scope-shapes=live' for 'CIVITAI_MOCK_DIFFERENCE': unknown difference "scope-shapes"; did you mean "scope-shape"?
    2: error: invalid value 'long' for 'CIVITAI_MOCK_ACCESS_TOKEN_SECONDS': "long" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    2: error: invalid value 'never' for 'CIVITAI_MOCK_SANDBOX_IDLE': "never" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds
    2: error: invalid value 'many' for 'CIVITAI_MOCK_JOURNAL': "many" is not a whole number, 0 or more
    2: error: invalid value 'maybe' for 'CIVITAI_MOCK_RATE_LIMITS': "maybe" is not true or false
    2: error: invalid value 'mauve' for 'CIVITAI_MOCK_COLOR'
    1: civitai-oauth-mock: CIVITAI_MOCK_LOG: "loud" is not a log level; choose off, error, warn, info, debug or trace, with or without ,json
    1: civitai-oauth-mock: CIVITAI_MOCK_PUBLIC_URL: "localhost:8080" is not an http or https origin; write scheme, host and port, for example http://localhost:8080
    1: civitai-oauth-mock: CIVITAI_MOCK_LOGIN: no user "nobody"; name a user by id or username: ada, grace, linus
    1: civitai-oauth-mock: CIVITAI_MOCK_MAX_HEAD_BYTES: 1 bytes are too few for a request; give 8192 or more
    2: error: invalid value '-1' for 'CIVITAI_MOCK_JOURNAL': "-1" is not a whole number, 0 or more
    2: error: invalid value 'much' for 'CIVITAI_MOCK_JOURNAL_MEMORY': "much" is not a size: write 128MB, 64MiB or a number of bytes
    2: error: invalid value '-1' for 'CIVITAI_MOCK_HEAD_TIMEOUT': "-1" is negative: write a length such as 30s
    2: error: invalid value 'maybe' for 'CIVITAI_MOCK_TRUST_PROXY': "maybe" is not true or false
    2: error: invalid value 'a b' for 'CIVITAI_MOCK_ALLOWED_HOST': "a b" is not a host name; write a name without scheme and port, such as mock.example, or *.example
    2: error: invalid value '300ms' for 'CIVITAI_MOCK_CODE_SECONDS': "300ms" is not a lifetime: write whole seconds, such as 3600, or 1h
    1: civitai-oauth-mock: CIVITAI_MOCK_REFRESH_TOKEN_SECONDS: 0 is not a lifetime: a token or code would expire when it is issued; give 1 or more
    1: civitai-oauth-mock: CIVITAI_MOCK_SEED: <folder>/none.toml: No such file or directory (os error 2)
    1: civitai-oauth-mock: CIVITAI_MOCK_CONFIG: <folder>/none.toml: No such file or directory (os error 2)
    "#);
}

#[test]
fn error_after_the_color_option_names_its_cause() {
    let mut printed = String::new();
    for arguments in [
        &["--color", "never", "serve", "--contract", "test"][..],
        &["--color", "never", "serve"],
    ] {
        let mut command = Program::command(arguments);
        command.env("CIVITAI_MOCK_CONTRACT", "prod");
        let refusal = Program::refusal(&mut command);
        printed += &format!("{}\n", refusal.lines().next().unwrap_or_default());
    }
    assert_snapshot!(printed, @r#"
    2: error: invalid value 'test' for '--contract <CONTRACT>': unknown contract "test": use "documented", "live" or "live@2026-08"
    2: error: invalid value 'prod' for 'CIVITAI_MOCK_CONTRACT': unknown contract "prod": use "documented", "live" or "live@2026-08"
    "#);
}

#[test]
fn commands_find_the_server_in_the_same_way() {
    let folder = TempDir::new();
    let server = Program::serve(&mut Program::command(&[
        "--listen",
        "127.0.0.1:0",
        "--control-token",
        "t0ken",
    ]));
    let (address, base) = (server.address().to_string(), server.base());
    let file = format!("listen = {address:?}\ncontrol_token = \"t0ken\"\n");
    let file = folder.write("mock.toml", &file).display().to_string();
    let missing = folder.path("none.toml").display().to_string();
    let token = ("CIVITAI_MOCK_CONTROL_TOKEN", "t0ken");
    for command in [
        &["healthcheck"][..],
        &["token", "--user", "ada"],
        &["clock", "resume"],
        &["fault", "list"],
        &["reset"],
        &["advice"],
    ] {
        let run = |arguments: &[&str], variables: &[(&str, &str)]| {
            let mut called = Program::command(&[command, arguments].concat());
            let output = called.envs(variables.iter().copied()).output().unwrap();
            let errors = String::from_utf8_lossy(&output.stderr).into_owned();
            (output.status.code(), errors)
        };
        for (arguments, variables) in [
            (&["--config", &file][..], &[][..]),
            (&[], &[("CIVITAI_MOCK_CONFIG", file.as_str())]),
            (&["--server", &base], &[token]),
            (&["--listen", &address], &[token]),
            (&[], &[("CIVITAI_MOCK_SERVER", base.as_str()), token]),
            (&[], &[("CIVITAI_MOCK_LISTEN", address.as_str()), token]),
            // The URL comes first, and the file is not read then.
            (
                &[
                    "--server",
                    &base,
                    "--listen",
                    "127.0.0.1:1",
                    "--config",
                    &missing,
                ],
                &[token],
            ),
            (&["--listen", &address, "--config", &file], &[]),
        ] {
            let run = run(arguments, variables);
            assert_eq!(run, (Some(0), String::new()), "{command:?} {arguments:?}");
        }
        let (status, errors) = run(&[], &[("CIVITAI_MOCK_CONFIG", missing.as_str())]);
        assert_eq!(status, Some(if command == ["advice"] { 2 } else { 1 }));
        let expected = format!(
            "civitai-oauth-mock: CIVITAI_MOCK_CONFIG: {missing}: No such file or directory (os error 2)\n"
        );
        assert_eq!(errors, expected);
    }
}

#[tokio::test]
async fn booleans_have_the_same_words_in_every_source() {
    let folder = TempDir::new();
    let file = folder.write("mock.toml", "rate_limits = \"on\"\n");
    let file = format!("--config={}", file.display());
    for (arguments, variable, expected) in [
        (&["--rate-limits"][..], None, true),
        (&["--rate-limits", "yes"], None, true),
        (&["--rate-limits=1", "--trust-proxy", "true"], None, true),
        (&[], Some("t"), true),
        (&[&file], None, true),
        (&[&file, "--rate-limits", "off"], None, false),
    ] {
        let mut command = with(&[]);
        command.args(arguments);
        command.envs(variable.map(|value| ("CIVITAI_MOCK_RATE_LIMITS", value)));
        let program = Program::serve(&mut command);
        let settings = SandboxClient::at(program.base())
            .get("/_mock/settings")
            .await;
        assert_eq!(settings.json()["rate_limits"], expected, "{arguments:?}");
    }
}

#[test]
fn an_unknown_variable_stops_every_command_that_reads_variables() {
    let mut printed = String::new();
    for arguments in [
        &[][..],
        &["serve"],
        &["healthcheck"],
        &["clock"],
        &["advice"],
    ] {
        let mut command = Program::command(arguments);
        command.env("CIVITAI_MOCK_CONTRAKT", "live");
        printed += &format!("{}\n", Program::refusal(&mut command));
    }
    assert_snapshot!(printed, @"
    2: civitai-oauth-mock: CIVITAI_MOCK_CONTRAKT: unknown setting; did you mean CIVITAI_MOCK_CONTRACT?
    2: civitai-oauth-mock: CIVITAI_MOCK_CONTRAKT: unknown setting; did you mean CIVITAI_MOCK_CONTRACT?
    2: civitai-oauth-mock: CIVITAI_MOCK_CONTRAKT: unknown setting; did you mean CIVITAI_MOCK_CONTRACT?
    2: civitai-oauth-mock: CIVITAI_MOCK_CONTRAKT: unknown setting; did you mean CIVITAI_MOCK_CONTRACT?
    2: civitai-oauth-mock: CIVITAI_MOCK_CONTRAKT: unknown setting; did you mean CIVITAI_MOCK_CONTRACT?
    ");
    let mut command = Program::command(&["scope", "1"]);
    command.env("CIVITAI_MOCK_CONTRAKT", "live");
    assert!(command.output().unwrap().status.success());
}

#[test]
fn kubernetes_service_variables_are_ignored() {
    let program = Program::serve(&mut with(&[
        ("CIVITAI_MOCK_SERVICE_HOST", "10.0.0.1"),
        ("CIVITAI_MOCK_SERVICE_PORT", "8080"),
        ("CIVITAI_MOCK_PORT", "tcp://10.0.0.1:8080"),
        ("CIVITAI_MOCK_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("CIVITAI_MOCK_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ]));
    assert_eq!(program.stop(), "");
    let printed = Program::refusal(&mut with(&[("CIVITAI_MOCK_PORT", "8081")]));
    assert_snapshot!(printed, @"2: civitai-oauth-mock: CIVITAI_MOCK_PORT: unknown setting; write CIVITAI_MOCK_LISTEN=127.0.0.1:8081");
}

#[test]
fn unusable_control_token_stops_the_start() {
    for blank in ["", " ", "\"\""] {
        let printed = Program::refusal(&mut with(&[("CIVITAI_MOCK_CONTROL_TOKEN", blank)]));
        assert!(
            printed.contains("CIVITAI_MOCK_CONTROL_TOKEN: it is empty"),
            "{printed}"
        );
    }
    let printed = Program::refusal(&mut with(&[("CIVITAI_MOCK_CONTROL_TOKEN", "gehe\u{ef}m")]));
    assert!(
        printed.contains("not allowed in an Authorization header"),
        "{printed}"
    );
}

#[tokio::test]
async fn quotes_around_environment_values_are_removed() {
    let program = Program::serve(&mut with(&[
        ("CIVITAI_MOCK_CONTRACT", "\"live\""),
        (
            "CIVITAI_MOCK_DIFFERENCE",
            "'scope-shape=documented,redirect-status=documented'",
        ),
        ("CIVITAI_CLIENT_ID", "\"mine\""),
        ("CIVITAI_CLIENT_SECRET", "'s3cret'"),
    ]));
    let sandbox = SandboxClient::at(program.base());
    let settings = sandbox.get("/_mock/settings").await.json();
    assert_eq!(settings["contract"], "live");
    assert_eq!(
        settings["differences"]
            .as_object()
            .map(serde_json::Map::len),
        Some(2)
    );
    assert_eq!(sandbox.get("/_mock/clients/mine").await.status, 200);
    let shown = program.announcement();
    assert!(!shown.contains("s3cret"), "{shown}");
    assert!(
        shown.contains("mine   secret from CIVITAI_CLIENT_SECRET"),
        "{shown}"
    );
    let printed = program.stop();
    for name in [
        "CIVITAI_MOCK_CONTRACT",
        "CIVITAI_MOCK_DIFFERENCE",
        "CIVITAI_CLIENT_ID",
        "CIVITAI_CLIENT_SECRET",
    ] {
        assert!(
            printed.contains(&format!("{name}: the quotes around the value are ignored")),
            "{printed}"
        );
    }
    assert!(!printed.contains("s3cret"), "{printed}");
    let wrong = Program::refusal(&mut with(&[("CIVITAI_MOCK_CONTRACT", "'prod'")]));
    assert!(
        wrong.contains("invalid value 'prod' for 'CIVITAI_MOCK_CONTRACT'"),
        "{wrong}"
    );
}

#[test]
fn variables_of_an_app_without_its_client_id_are_reported() {
    let program = Program::serve(&mut with(&[
        ("CIVITAI_CLIENT_SECRET", "s3cret"),
        ("CIVITAI_REDIRECT_URI", "http://localhost:3000/cb"),
    ]));
    let printed = program.stop();
    for name in ["CIVITAI_CLIENT_SECRET", "CIVITAI_REDIRECT_URI"] {
        assert!(
            printed.contains(&format!(
                "{name} is ignored: it describes a client only together with CIVITAI_CLIENT_ID"
            )),
            "{printed}"
        );
    }
    assert!(!printed.contains("s3cret"), "{printed}");
}
