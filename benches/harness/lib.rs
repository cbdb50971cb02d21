//! Parts that the benchmarks share: the measured process, an HTTP client, control calls, the command line and the report.

pub mod child;
pub mod control;
pub mod http;
pub mod options;
pub mod report;

use std::time::{Duration, Instant};

/// The machine's time.
#[expect(
    clippy::disallowed_methods,
    reason = "what is measured is the machine, not a sandbox"
)]
pub fn now() -> Instant {
    Instant::now()
}

/// A count as a number to calculate with.
pub fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// A duration in milliseconds.
pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
