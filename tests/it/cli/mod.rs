//! Tests of the program: options, environment, files, output and commands.

mod commands;
mod environment;
pub(crate) mod errors;
pub(crate) mod help;
mod input_numbers;
mod listen;
mod log;
mod other_versions;
mod output;
mod overwrites;
mod quickstart;
mod seed;
mod startup;
