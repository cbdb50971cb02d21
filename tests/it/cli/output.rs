//! The standard output of commands that is closed, or cannot be written.

use std::process::{Command, Stdio};

use insta::assert_snapshot;

use crate::support::Program;

const OFFLINE: [&[&str]; 5] = [
    &["pkce"],
    &["scope", "114689", "--json"],
    &["completions", "bash"],
    &["fault", "presets"],
    &["--help"],
];

/// The exit status and standard error of a command with this output.
fn run(command: &mut Command, output: Stdio) -> String {
    let child = command.stdout(output).stderr(Stdio::piped()).spawn();
    let output = child
        .expect("it starts")
        .wait_with_output()
        .expect("it ends");
    let errors = String::from_utf8_lossy(&output.stderr);
    format!("{}: {errors}", output.status.code().unwrap_or_default())
}

#[test]
fn closed_pipe_is_no_error() {
    let server = Program::serve(&mut Program::command(&["--listen", "127.0.0.1:0"]));
    let base = server.base();
    let calls =
        ["clock", "fault", "reset", "advice", "healthcheck"].map(|name| [name, "--server", &base]);
    let calls = calls.iter().map(<[_; 3]>::as_slice);
    for arguments in OFFLINE.into_iter().chain(calls) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let printed = run(&mut Program::command(arguments), writer.into());
        assert_eq!(printed, "0: ", "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn full_device_is_an_error() {
    let runs = OFFLINE[..4].iter().map(|arguments| {
        let full = std::fs::File::create("/dev/full").unwrap();
        run(&mut Program::command(arguments), full.into())
    });
    assert_snapshot!(runs.collect::<String>(), @"
    1: civitai-oauth-mock: cannot write to standard output: No space left on device (os error 28)
    1: civitai-oauth-mock: cannot write to standard output: No space left on device (os error 28)
    1: civitai-oauth-mock: cannot write to standard output: No space left on device (os error 28)
    1: civitai-oauth-mock: cannot write to standard output: No space left on device (os error 28)
    ");
}

#[test]
fn command_without_a_server_ignores_unknown_variables() {
    for arguments in &OFFLINE[..4] {
        let mut command = Program::command(arguments);
        command.env("CIVITAI_MOCK_FOO", "1");
        assert_eq!(run(&mut command, Stdio::null()), "0: ", "{arguments:?}");
    }
}
