//! The program. The code is in the library.

use std::process::ExitCode;

use civitai_oauth_mock::cli::{self, Build};

/// Faster than the system's allocator for the many small, short-lived allocations of a request. Without huge pages, because
/// an idle server would use twice as much memory.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// From `build.rs`; empty if unknown.
const COMMIT: &str = env!("CIVITAI_MOCK_COMMIT");

fn main() -> ExitCode {
    cli::run(Build {
        version: env!("CIVITAI_MOCK_VERSION"),
        commit: (!COMMIT.is_empty()).then_some(COMMIT),
    })
}
