//! Measures the memory and the latency of the server while hostile callers attack it and one honest client uses it.
//!
//! Each shape of abuse runs against a fresh process of the program. Meanwhile an innocent client, on a thread and a
//! connection of its own, asks for userinfo and refreshes its token every 10 ms. Bounds for each shape: at most 300 MB of
//! resident memory, and at most 50 ms for 99 % of the innocent client's steps, each of which is two requests.
//!
//! What the figures mean:
//! - All attackers share one thread, so that they take at most one core; most shapes use four connections. The server and
//!   the innocent client share what is left, on two cores one core and a bit. No other work may run on the machine: the first
//!   row, `calm`, shows what an innocent client gets without an attack.
//! - Steps that were due while the innocent client waited count as well, each with the rest of the wait: a server that
//!   stalls for a second does not get away with one slow step.
//! - A shape that only breaks the latency bound runs once more, and the better run counts: noise rarely repeats itself.
//!   With `--tolerate-latency` this bound is reported and not enforced, for machines that are shared.
//! - A server that grows beyond 1.2 GB is killed, and its address space is limited to 4 GB. Both count as broken bounds.
//!
//! Loopback only; it has an end, and ends only the processes that it has started. The commands
//! are in `docs/development/benchmarks.md`.

#![expect(clippy::print_stdout, reason = "a program that prints its results")]

mod attacks;
mod client;
mod frames;
mod innocent;
mod measure;
mod options;
mod report;
mod run;
mod shapes;

use std::process::ExitCode;

use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use options::{Options, USAGE};
use shapes::SHAPES;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|one| one == "--help") {
        println!("{USAGE}\n");
        report::shapes(SHAPES);
        return ExitCode::SUCCESS;
    }
    let done = Options::read(arguments).and_then(|options| {
        // One thread for all attackers, see above.
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(until_interrupted(&options))
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("abuse: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the shapes. A signal drops the future, and the child process with it.
async fn until_interrupted(options: &Options) -> Result<bool, String> {
    let handler = |kind| signal(kind).map_err(|error| error.to_string());
    let mut interrupt = handler(SignalKind::interrupt())?;
    let mut terminate = handler(SignalKind::terminate())?;
    tokio::select! {
        done = run_all(options) => done,
        _ = interrupt.recv() => Err("interrupted".to_owned()),
        _ = terminate.recv() => Err("terminated".to_owned()),
    }
}

/// Whether the command succeeds: with `--tolerate-latency`, it does even if the innocent client had to wait.
async fn run_all(options: &Options) -> Result<bool, String> {
    // Each connection needs a descriptor; more than the limit are refused, which the report shows.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let mut rows = Vec::new();
    for shape in SHAPES.iter().filter(|shape| options.wants(shape.name)) {
        eprintln!("{}: {}", shape.name, shape.attacks);
        let row = run::run(shape, options).await?;
        for complaint in row.complaints() {
            eprintln!("  {}: {complaint}", row.verdict());
        }
        rows.push(row);
    }
    report::table(&rows);
    if let Some(file) = &options.json {
        harness::report::write(file, &report::to_json(options, &rows))?;
    }
    let holds =
        |row: &run::Row| row.broken.is_empty() && (row.slow.is_none() || options.tolerate_latency);
    Ok(rows.iter().all(holds))
}
