//! Commands for a running server (tokens, clock, faults), and commands without one (scopes and PKCE).

use std::process::Output;

use civitai_oauth_mock::PRESETS;
use civitai_oauth_mock::control::Preset;
use insta::assert_snapshot;

use crate::support::{Program, TestServer};

fn run(arguments: &[&str]) -> (bool, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = Program::output(arguments);
    let text = String::from_utf8_lossy(&stdout) + String::from_utf8_lossy(&stderr);
    (status.success(), text.into_owned())
}

/// Runs the program in a thread of its own, since the server runs on this thread's runtime.
async fn ask(mock: &TestServer, arguments: &[&str]) -> (bool, String) {
    let mut arguments: Vec<String> = arguments.iter().map(|&one| one.to_owned()).collect();
    arguments.extend(["--server".to_owned(), mock.base.clone()]);
    let asking = tokio::task::spawn_blocking(move || {
        run(&arguments.iter().map(String::as_str).collect::<Vec<_>>())
    });
    asking.await.expect("asking does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn token_command_mints_a_token() {
    let mock = TestServer::documented().await;
    let (done, text) = ask(&mock, &["token", "--user", "ada", "--scope", "AI Services"]).await;
    assert!(done, "{text}");
    let answer: serde_json::Value = serde_json::from_str(&text).expect("it prints JSON");
    assert_eq!(answer["scope"], "114689");
    let access = answer["access_token"].as_str().unwrap_or_default();
    assert!(mock.is_active(access).await);
    let (done, text) = ask(&mock, &["token", "--user", "adda"]).await;
    assert!(!done);
    assert_snapshot!(text, @r#"civitai-oauth-mock: user: no user "adda"; did you mean "ada"?"#);
}

#[test]
fn help_names_every_preset() {
    let (_, help) = run(&["fault", "--help"]);
    for preset in Preset::ALL {
        assert!(help.contains(preset.name()), "{help}");
    }
    for command in ["scope", "token"] {
        let (_, help) = run(&[command, "--help"]);
        for (name, _) in PRESETS {
            assert!(help.contains(&format!("{name:?}")), "{help}");
        }
    }
}

#[test]
fn command_uses_the_first_listen_address() {
    let program = Program::serve(&mut Program::command(&["--listen", "127.0.0.1:0"]));
    let listen = format!("0.0.0.0:{},[::1]:1", program.port());
    let mut command = Program::command(&["clock", "advance", "1h"]);
    let output = command.env("CIVITAI_MOCK_LISTEN", listen).output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}");
    let other = ["--server", "http://127.0.0.1:1"];
    assert!(!command.args(other).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn clock_command_moves_the_clock() {
    let mock = TestServer::documented().await;
    for arguments in [
        &["clock", "freeze", "2026-01-31T12:00:00Z"][..],
        &["clock", "advance", "1h"],
        &["clock", "advance", "-5m"],
        &["clock"],
    ] {
        let (done, text) = ask(&mock, arguments).await;
        assert!(done, "{arguments:?}: {text}");
    }
    let clock = mock.get("/_mock/clock").await.json();
    assert_eq!(
        (&clock["now"], &clock["frozen"]),
        (&"2026-01-31T12:55:00Z".into(), &true.into())
    );
    assert!(ask(&mock, &["clock", "resume"]).await.0);
    assert_eq!(mock.get("/_mock/clock").await.json()["frozen"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_command_sets_a_fault() {
    let mock = TestServer::documented().await;
    assert!(
        ask(&mock, &["fault", "token-endpoint-down", "--times", "1"])
            .await
            .0
    );
    let (_, listed) = ask(&mock, &["fault", "list"]).await;
    assert!(listed.contains("\"times\": 1"), "{listed}");
    assert!(ask(&mock, &["fault", "clear"]).await.0);
    assert_snapshot!(mock.get("/_mock/faults").await.json(), @r#"{"faults":[]}"#);
    let (done, text) = ask(&mock, &["fault", "token-endpoint-dwn"]).await;
    assert!(!done);
    assert_snapshot!(text, @r#"civitai-oauth-mock: name: no preset "token-endpoint-dwn"; did you mean "token-endpoint-down"?"#);
}

#[test]
fn scope_command_explains_each_bit() {
    let (done, text) = run(&["scope", "114689"]);
    assert!(done);
    assert_snapshot!(text, @"
    114689
      the preset AI Services
              1  UserRead             Read profile, settings & email
          16384  AIServicesRead       View generation & training history
          32768  AIServicesWrite      Generate, train & scan
          65536  BuzzRead             View buzz balance & history
    ");
    assert_eq!(run(&["scope", "AI Services"]).1, text);
    assert_snapshot!(run(&["scope", "ModelRead"]).1, @r#"
    error: invalid value 'ModelRead' for '<SCOPE>': no scope "ModelRead"; did you mean "ModelsRead"?

    For more information, try '--help'.
    "#);
}

#[test]
fn pkce_command_prints_a_matching_pair() {
    let (done, text) = run(&["pkce"]);
    assert!(done);
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, verifier, _, challenge] = words[..] else {
        panic!("two lines: {text}")
    };
    assert_eq!((verifier.len(), challenge.len()), (64, 43));
    assert_ne!(run(&["pkce"]).1, text, "generated again");
}

#[test]
fn unreachable_server_is_named() {
    let (done, text) = run(&["clock", "--server", "http://127.0.0.1:1"]);
    assert!(!done);
    assert!(
        text.contains("cannot reach http://127.0.0.1:1/; check that the server is running"),
        "{text}"
    );
}
