//! Numbers, scopes and booleans written as text, in seeds, configuration files and on the command line.

use civitai_oauth_mock::Contract;
use insta::assert_snapshot;
use serde_json::json;

use crate::support::{Program, SandboxClient, TempDir, config};

#[tokio::test(flavor = "multi_thread")]
async fn seeds_configuration_and_the_command_line_read_numbers_in_text() {
    let folder = TempDir::new();
    let seed = "[[users]]\nid = \"3\"\nmuted = \"true\"\nbuzz = { blue = \"5\" }\n\
                [[clients]]\nid = \"c\"\nname = \"C\"\nallowed_scopes = [\"1\", \"4\"]\nowner = \"3\"\n";
    let seed = folder.write("seed.toml", seed);
    let file = "access_token_seconds = \"60\"\nrate_limits = \"true\"\nsandbox_idle = \"1800\"\njournal = \"5\"\n";
    let file = folder.write("config.toml", file);
    let mut command = Program::command(&["--listen", "127.0.0.1:0"]);
    command.arg("--seed").arg(seed).arg("--config").arg(file);
    let program = Program::serve(&mut command);
    let sandbox = SandboxClient::at(program.base());
    let user = sandbox.get("/_mock/users/3").await.json();
    assert_eq!(
        (&user["muted"], &user["buzz"]["blue"]),
        (&json!(true), &json!(5))
    );
    let client = sandbox.get("/_mock/clients/c").await.json();
    assert_eq!(
        (&client["allowed_scopes"], &client["owner"]),
        (&json!(5), &json!(3))
    );
    let settings = sandbox.get("/_mock/settings").await.json();
    assert_eq!(
        (&settings["access_token_seconds"], &settings["rate_limits"]),
        (&json!(60), &json!(true))
    );

    let base = program.base();
    for arguments in [
        &[
            "token",
            "--user",
            "3",
            "--scope",
            "1,4",
            "--expires-in",
            "60",
        ][..],
        &["clock", "freeze", "1767225600"],
        &["clock", "set", "1767225600"],
        &["clock", "advance", "86400"],
    ] {
        let run = Program::output(&[arguments, &["--server", &base]].concat());
        let printed = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{arguments:?}: {printed}");
    }
    let clock = sandbox.get("/_mock/clock").await.json();
    assert_eq!(clock["now"], "2026-01-02T00:00:00Z");
    let run = Program::output(&["scope", "1,4"]);
    assert!(String::from_utf8_lossy(&run.stdout).starts_with("5\n"));

    let wrong = folder.write("wrong.toml", "access_token_seconds = \"soon\"\n");
    let wrong = wrong.to_str().expect("a path of the tests' own");
    let run = Program::output(&["--config", wrong]);
    assert_snapshot!(folder.redacted(&String::from_utf8_lossy(&run.stderr)), @r#"civitai-oauth-mock: <folder>/wrong.toml:1: access_token_seconds: "soon" is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds"#);
    let mut command = config(Contract::Documented);
    let refused = command.set_seed(
        "\n[[users]]\nid = \"one\"\n",
        std::path::Path::new("seed.toml"),
    );
    assert_snapshot!(refused.expect_err("no number"), @r#"seed.toml:3: users[0].id: "one" is not a whole number"#);
}
