//! Seeds that are not files: the text of a variable, and standard input.

use std::io::Write as _;
use std::process::Stdio;

use insta::assert_snapshot;

use crate::support::{Program, SandboxClient, TempDir};

const SOLO: &str = "[[users]]\nid = 5\nusername = \"solo\"\n";
const WRONG: &str = "[[users]]\nid = 5\nuser_name = \"solo\"\n";
const ANY_PORT: [&str; 2] = ["--listen", "127.0.0.1:0"];

async fn has_solo(program: &Program) -> bool {
    let sandbox = SandboxClient::at(program.base());
    sandbox.clients().await.is_empty() && sandbox.get("/_mock/users/5").await.status == 200
}

#[tokio::test]
async fn variable_has_the_text_of_a_seed() {
    let mut command = Program::command(&ANY_PORT);
    command.env("CIVITAI_MOCK_SEED_TOML", SOLO);
    assert!(has_solo(&Program::serve(&mut command)).await);
    command.env("CIVITAI_MOCK_SEED_TOML", WRONG);
    assert_snapshot!(Program::refusal(&mut command), @r#"1: civitai-oauth-mock: CIVITAI_MOCK_SEED_TOML:3: users[0].user_name: unknown key "user_name"; did you mean "username"?"#);
}

#[tokio::test]
async fn configuration_file_and_flag_have_the_text_of_a_seed() {
    let folder = TempDir::new();
    let file = folder.write("mock.toml", &format!("seed_toml = '''\n{SOLO}'''\n"));
    let by_file = [&ANY_PORT[..], &["--config", file.to_str().unwrap()]].concat();
    assert!(has_solo(&Program::serve(&mut Program::command(&by_file))).await);
    let by_flag = [&ANY_PORT[..], &["--seed-toml", SOLO]].concat();
    assert!(has_solo(&Program::serve(&mut Program::command(&by_flag))).await);
}

#[tokio::test]
async fn a_seed_is_read_from_standard_input() {
    let folder = TempDir::new();
    let read = |text: &str| {
        let file = std::fs::File::open(folder.write("seed.toml", text)).unwrap();
        let mut command = Program::command(&[&ANY_PORT[..], &["--seed", "-"]].concat());
        command.stdin(Stdio::from(file));
        command
    };
    assert!(has_solo(&Program::serve(&mut read(SOLO))).await);
    assert_snapshot!(Program::refusal(&mut read(WRONG)), @r#"1: civitai-oauth-mock: standard input:3: users[0].user_name: unknown key "user_name"; did you mean "username"?"#);

    let mut command = Program::command(&[&ANY_PORT[..], &["--seed", "-"]].concat());
    command
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // More than the limit: the program stops reading before the end.
    let megabyte = vec![b'#'; 1024 * 1024];
    for _ in 0..20 {
        if input.write_all(&megabyte).is_err() {
            break;
        }
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert_snapshot!(String::from_utf8_lossy(&output.stderr), @"civitai-oauth-mock: --seed: standard input has more than 16777216 bytes");
}

#[test]
fn two_seeds_are_rejected() {
    let folder = TempDir::new();
    let file = folder.write("seed.toml", SOLO);
    let given = ["--seed", file.to_str().unwrap(), "--seed-toml", SOLO];
    let mut command = Program::command(&[&ANY_PORT[..], &given].concat());
    assert_snapshot!(folder.redacted(&Program::refusal(&mut command)), @"1: civitai-oauth-mock: --seed-toml: the seed is also set by --seed <folder>/seed.toml; remove one of the two");
}

#[tokio::test]
async fn the_stronger_source_of_a_seed_replaces_the_other_key_too() {
    let folder = TempDir::new();
    let seed = folder.write("seed.toml", SOLO);
    let seed = seed.to_str().unwrap();
    let none = "seed = \"none.toml\"\n";
    let (file, text) = (
        folder.write("file.toml", none),
        folder.write("text.toml", "seed_toml = \"not TOML\"\n"),
    );
    let (file, text) = (file.to_str().unwrap(), text.to_str().unwrap());
    for (arguments, variable) in [
        (["--config", file, "--seed-toml", SOLO], None),
        (["--config", text, "--seed", seed], None),
        (
            ["--config", file, "--log", "warn"],
            Some(("CIVITAI_MOCK_SEED_TOML", SOLO)),
        ),
        (
            ["--config", text, "--log", "warn"],
            Some(("CIVITAI_MOCK_SEED", seed)),
        ),
        (
            ["--log", "warn", "--seed-toml", SOLO],
            Some(("CIVITAI_MOCK_SEED", "none.toml")),
        ),
        (
            ["--log", "warn", "--seed", seed],
            Some(("CIVITAI_MOCK_SEED_TOML", "not TOML")),
        ),
    ] {
        let mut command = Program::command(&[&ANY_PORT[..], &arguments].concat());
        command.envs(variable);
        assert!(
            has_solo(&Program::serve(&mut command)).await,
            "{arguments:?}"
        );
    }
}

#[test]
fn the_start_up_text_escapes_names_and_omits_deleted_users() {
    let folder = TempDir::new();
    let seed = "[[users]]\nid = 1\nusername = \"gone\"\ndeleted = true\n\
                [[users]]\nid = 2\nusername = \"a\\u001b[31md\\u202ea\"\n\
                [[clients]]\nid = \"c\"\nname = \"An \\u001b[31mApp\"\n";
    let seed = folder.write("seed.toml", seed);
    let mut command = Program::command(&ANY_PORT);
    let program = Program::serve(command.arg("--seed").arg(seed));
    let announced = program.announced.join("\n");
    assert!(
        !announced.contains('\u{1b}') && !announced.contains('\u{202e}'),
        "{announced}"
    );
    let line = program
        .announced
        .iter()
        .find(|line| line.contains("Sign in as"));
    assert_snapshot!(line.unwrap(), @r"  Sign in as     a\u{1b}[31md\u{202e}a (no password)");
    assert!(announced.contains(r"An \u{1b}[31mApp"), "{announced}");

    let mut command = Program::command(&ANY_PORT);
    command.env(
        "CIVITAI_MOCK_SEED_TOML",
        "[[users]]\nid = 1\ndeleted = true\n",
    );
    let printed = Program::serve(&mut command).stop();
    assert!(
        printed.contains("all users of the seed are deleted, so no user can sign in"),
        "{printed}"
    );
    command.env("CIVITAI_MOCK_LOGIN", "1");
    assert_snapshot!(Program::refusal(&mut command), @r#"1: civitai-oauth-mock: CIVITAI_MOCK_LOGIN: user "1" is deleted; name another user of the seed"#);
}
