//! Help, exit status and completions of the program.

use std::io::Write as _;
use std::process::{Command, Stdio};

use civitai_oauth_mock::PRESETS;
use insta::assert_snapshot;

use crate::support::{Program, TempDir};

pub(crate) const COMMANDS: [&str; 10] = [
    "serve",
    "healthcheck",
    "token",
    "clock",
    "fault",
    "reset",
    "advice",
    "scope",
    "pkce",
    "completions",
];

pub(crate) fn help(arguments: &[&str]) -> String {
    let output = Program::output(arguments);
    assert_eq!(output.status.code(), Some(0), "{arguments:?}");
    String::from_utf8(output.stdout).expect("help is text")
}

fn status(arguments: &[&str]) -> Option<i32> {
    Program::output(arguments).status.code()
}

#[test]
fn short_help_fits_on_two_screens_and_long_help_has_everything() {
    let (short, long) = (help(&["-h"]), help(&["--help"]));
    assert!(short.lines().count() <= 80, "{short}");
    for heading in ["Listen:", "Data:", "Behavior:", "Diagnostics:", "Examples:"] {
        for text in [&short, &long] {
            assert!(text.lines().any(|line| line == heading), "{heading} {text}");
        }
    }
    assert!(
        short.contains("Examples:\n  civitai-oauth-mock  "),
        "{short}"
    );
    assert!(long.contains("Exit status:\n  0  Success, "), "{long}");
    for only_long in [
        "Limits:",
        "Exit status:",
        "Output:",
        "--max-headers",
        "CIVITAI_MOCK_",
    ] {
        assert!(!short.contains(only_long), "{only_long} {short}");
        assert!(long.contains(only_long), "{only_long} {long}");
    }
}

#[test]
fn every_command_shows_examples_and_exit_status() {
    for command in COMMANDS {
        let text = help(&[command, "--help"]);
        for heading in ["Examples:", "Exit status:"] {
            assert!(text.lines().any(|line| line == heading), "{text}");
        }
        assert!(help(&[command, "-h"]).contains("Examples:"));
    }
    for command in ["scope", "token"] {
        let text = help(&[command, "--help"]);
        for (name, _) in PRESETS {
            assert!(text.contains(&format!("{name:?}")), "{text}");
        }
    }
}

#[test]
fn help_has_no_colors_in_a_pipe() {
    assert!(!help(&["--help"]).contains('\u{1b}'));
    assert!(help(&["--color", "always", "--help"]).contains("\u{1b}[1m\u{1b}[4mExamples:"));
}

#[test]
fn exit_status_is_as_the_help_says() {
    let server = Program::serve(&mut Program::command(&["--listen", "127.0.0.1:0"]));
    let (base, address) = (server.base(), server.address().to_string());
    let unreachable = "http://127.0.0.1:1";
    let cases: [(&[&str], i32); 26] = [
        // The server.
        (&["--help"], 0),
        (&["--version"], 0),
        (&["--listen", &address], 1),
        (&["--listen", "127.0.0.1:0", "--seed", "none.toml"], 1),
        (&["--listen", "127.0.0.1:0", "--public-url", "localhost"], 1),
        (&["--listen", "localhost"], 2),
        (&["--lisen", "127.0.0.1:0"], 2),
        (&["srve"], 2),
        // Commands that call it.
        (&["healthcheck", "--listen", &address], 0),
        (&["healthcheck", "--listen", "127.0.0.1:1"], 1),
        (&["healthcheck", "--listn", &address], 2),
        (&["clock", "--server", &base], 0),
        (&["clock", "--server", unreachable], 1),
        (&["clock", "advance", "long", "--server", &base], 1),
        (&["clock", "advance"], 2),
        (&["token", "--user", "ada", "--server", &base], 0),
        (&["token", "--user", "adda", "--server", &base], 1),
        (&["token", "--user", "ada", "--scope", "Foo"], 2),
        (&["fault", "--server", unreachable], 1),
        (&["fault", "presets"], 0),
        (&["reset", "--server", &base], 0),
        // Advice has a status of its own for findings, which `advice` tests.
        (&["advice", "--server", &base], 0),
        (&["advice", "--fail-on", "hint", "--server", &base], 2),
        (&["advice", "--server", unreachable], 2),
        // Commands without a server.
        (&["scope", "114689"], 0),
        (&["scope", "Foo"], 2),
    ];
    for (arguments, expected) in cases {
        assert_eq!(status(arguments), Some(expected), "{arguments:?}");
    }
    let mut unknown = Program::command(&["clock", "--server", &base]);
    unknown.env("CIVITAI_MOCK_CONTRAKT", "live");
    assert_eq!(unknown.status().unwrap().code(), Some(2));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn completions_are_printed_for_every_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = help(&["completions", shell]);
        assert!(script.contains("max-sandboxes"), "{shell}");
        // Other shells get no values of arguments.
        let has_presets = matches!(shell, "bash" | "zsh");
        assert_eq!(
            script.contains("token-endpoint-down"),
            has_presets,
            "{shell}"
        );
    }
    let refused = Program::refusal(&mut Program::command(&["completions", "tcsh"]));
    assert_snapshot!(refused, @"
    2: error: invalid value 'tcsh' for '<SHELL>'
      [possible values: bash, elvish, fish, powershell, zsh]

      tip: a similar value exists: 'zsh'

    For more information, try '--help'.
    ");
}

#[cfg(unix)]
#[test]
fn bash_completes_options_commands_and_presets() {
    let folder = TempDir::new();
    let script = folder.write("completions.bash", &help(&["completions", "bash"]));
    let complete = |words: &[&str]| {
        let mut bash = Command::new("bash")
            .args(["--norc", "-s"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("bash is installed");
        let last = words.len() - 1;
        let program = format!(
            "source {script:?}\nCOMP_WORDS=({words})\nCOMP_CWORD={last}\n\
             _civitai__oauth__mock civitai-oauth-mock {word:?} {previous:?}\necho \"${{COMPREPLY[@]}}\"\n",
            words = words
                .iter()
                .map(|word| format!("{word:?}"))
                .collect::<Vec<_>>()
                .join(" "),
            word = words[last],
            previous = words[last - 1],
        );
        let mut input = bash.stdin.take().unwrap();
        input.write_all(program.as_bytes()).unwrap();
        drop(input);
        let output = bash.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && errors.is_empty(), "{errors}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(complete(&["civitai-oauth-mock", "hea"]), "healthcheck");
    assert_eq!(
        complete(&["civitai-oauth-mock", "--max-s"]),
        "--max-sandboxes"
    );
    let preset = ["civitai-oauth-mock", "fault", "token-endpoint-d"];
    assert_eq!(complete(&preset), "token-endpoint-down");
    let consent = ["civitai-oauth-mock", "--consent", "d"];
    assert_eq!(complete(&consent), "deny");
}
