//! Tests of the whole command line: its groups, examples and start-up text cover every option and command.

use std::collections::BTreeSet;

use clap::{Command, CommandFactory as _, FromArgMatches as _};

use super::Cli;
use super::environment::with_environment;
use super::help::{FOOTERS, GROUPS, with_help};

#[test]
fn the_command_line_is_well_formed() {
    with_environment(with_help(Cli::command(), true)).debug_assert();
}

#[test]
fn every_option_of_the_server_has_a_group() {
    let grouped: BTreeSet<&str> = GROUPS
        .iter()
        .flat_map(|group| [group.common, group.rare].concat())
        .collect();
    let command = Cli::command();
    let options = command.get_arguments().map(|arg| arg.get_id().as_str());
    let options: BTreeSet<&str> = options
        .filter(|id| !["color", "config", "help", "version"].contains(id))
        .collect();
    assert_eq!(grouped, options);
}

#[test]
fn every_subcommand_has_a_footer_and_examples_that_parse() {
    let command = Cli::command();
    let commands: BTreeSet<&str> = command.get_subcommands().map(Command::get_name).collect();
    let footers: BTreeSet<&str> = FOOTERS.iter().map(|footer| footer.command).collect();
    assert_eq!(
        footers.iter().filter(|name| !name.is_empty()).count(),
        commands.len()
    );
    assert!(commands.is_subset(&footers), "{commands:?}");
    for footer in &FOOTERS {
        for line in footer.examples.lines() {
            assert!(line.chars().count() <= 100, "{line}");
            // A meaning follows after three spaces, a redirection after an operator of the shell.
            let example = line.trim().trim_start_matches("source <(");
            let end = example.find(['>', '|', ')']).unwrap_or(example.len());
            let example = example[..end].split("   ").next().unwrap_or_default();
            let words = example.split('"').enumerate().flat_map(|(index, part)| {
                let is_quoted = index % 2 == 1;
                let words = part.split_whitespace().filter(move |_| !is_quoted);
                words.chain(is_quoted.then_some(part))
            });
            let parsed = Cli::command().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{example}: {:?}", parsed.err());
        }
    }
}

/// The options that other parts of the text show.
const ELSEWHERE: [&str; 13] = [
    "color",
    "consent",
    "contract",
    "database",
    "difference",
    "help",
    "legacy-listen",
    "listen",
    "login",
    "mcp-listen",
    "seed-toml",
    "tls-listen",
    "version",
];

#[test]
fn every_option_that_is_set_is_listed() {
    let command = Cli::command();
    let flags: Vec<String> = command
        .get_arguments()
        .filter_map(|arg| Some(arg.get_long()?.to_owned()))
        .filter(|flag| !ELSEWHERE.contains(&flag.as_str()))
        .collect();
    let arguments = flags.iter().map(|flag| {
        let value = match flag.as_str() {
            "trust-proxy" | "rate-limits" => "true",
            "reason-headers" => "false",
            "unknown-clients" => "register",
            _ => "7",
        };
        format!("--{flag}={value}")
    });
    let arguments = std::iter::once("mock".to_owned()).chain(arguments);
    let matches = command.clone().get_matches_from(arguments);
    let options = Cli::from_arg_matches(&matches).unwrap().options;
    let mut listed: Vec<&str> = options.others().iter().map(|(name, _)| *name).collect();
    let mut flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    listed.sort_unstable();
    flags.sort_unstable();
    assert_eq!(listed, flags);
}
