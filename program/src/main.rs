//! The program; see the library for the map.

use std::process::ExitCode;

fn main() -> ExitCode {
    civitai_oauth_mock::cli::run()
}
