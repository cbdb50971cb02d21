//! The command `completions`: the completion script of a shell.

use clap::{Args, Command};
use clap_complete::Shell;

use super::output::print;

/// Print the completion script of a shell.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell: bash, elvish, fish, powershell or zsh
    #[arg(hide_possible_values = true)]
    shell: Shell,
}

pub(super) fn run(options: &Completions, mut command: Command) -> anyhow::Result<()> {
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(options.shell, &mut command, name, &mut script);
    let script = String::from_utf8(script)?;
    // The script for bash writes a hyphen of the program's name in two ways, and then finds no subcommand.
    let script = script.replace(
        "civitai__subcmd__oauth__subcmd__mock",
        "civitai__oauth__mock",
    );
    print(&script)
}
