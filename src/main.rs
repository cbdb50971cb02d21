//! The program; see the library for the map.

use std::process::ExitCode;

use civitai_oauth_mock::cli::{self, Build};

/// A request is many small pieces of memory for a short while, which this allocator is better at than the system's. It asks
/// for no huge pages: an idle server would hold twice as much.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// From `build.rs`: empty if it is unknown.
const COMMIT: &str = env!("CIVITAI_MOCK_COMMIT");

fn main() -> ExitCode {
    cli::run(Build {
        version: env!("CIVITAI_MOCK_VERSION"),
        commit: (!COMMIT.is_empty()).then_some(COMMIT),
    })
}
