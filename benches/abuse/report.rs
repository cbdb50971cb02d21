//! The results: a table for people, JSON for programs.

use harness::milliseconds;
use serde_json::{Value, json};

use crate::measure::{MOST_MEGABYTES, MOST_P99_MS};
use crate::options::Options;
use crate::run::Row;
use crate::shapes::Shape;

/// The names of the shapes and what each attacks.
pub(crate) fn shapes(shapes: &[Shape]) {
    for shape in shapes {
        println!("  {:<20} {}", shape.name, shape.attacks);
    }
}

pub(crate) fn table(rows: &[Row]) {
    println!(
        "\n{:<20} {:>9} {:>8} {:>8} {:>8} {:>7} {:>7} {:>7}  {:<7} sent",
        "shape", "memory MB", "p50 ms", "p99 ms", "max ms", "cpu s", "took s", "steps", "verdict"
    );
    for row in rows {
        let latencies = &row.experience.latencies;
        println!(
            "{:<20} {:>9.0} {:>8.1} {:>8.1} {:>8.1} {:>7.2} {:>7.2} {:>7}  {:<7} {}",
            row.name,
            row.usage.megabytes,
            latencies.percentile(50),
            latencies.percentile(99),
            latencies.percentile(100),
            row.usage.cpu.as_secs_f64(),
            row.took.as_secs_f64(),
            latencies.count(),
            row.verdict(),
            row.sent,
        );
    }
    println!(
        "(bounds: {MOST_MEGABYTES} MB, p99 {MOST_P99_MS} ms; p50, p99, max: of the innocent client's steps)"
    );
    for row in rows {
        for complaint in row.complaints() {
            println!("{}: {}: {complaint}", row.verdict(), row.name);
        }
    }
}

pub(crate) fn to_json(options: &Options, rows: &[Row]) -> Value {
    let one = |row: &Row| {
        let latencies = &row.experience.latencies;
        json!({
            "shape": row.name,
            "attacks": row.attacks,
            "memory_megabytes": row.usage.megabytes,
            "p50_ms": latencies.percentile(50),
            "p99_ms": row.p99(),
            "max_ms": latencies.percentile(100),
            "steps": latencies.count(),
            "failed_steps": row.experience.failed,
            "cpu_ms": milliseconds(row.usage.cpu),
            "took_ms": milliseconds(row.took),
            "sent": row.sent,
            "broken": row.broken,
            "slow": row.slow,
        })
    };
    json!({
        "program": options.program,
        "short": options.short,
        "cores": std::thread::available_parallelism().map_or(1, usize::from),
        "bounds": { "memory_megabytes": MOST_MEGABYTES, "p99_ms": MOST_P99_MS },
        "shapes": rows.iter().map(one).collect::<Vec<Value>>(),
    })
}
