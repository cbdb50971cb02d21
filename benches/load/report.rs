//! The results: tables for people, JSON for programs.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::measure::Row;
use crate::targets::Target;

pub(crate) fn percent(ratio: Option<f64>) -> String {
    ratio.map_or("-".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
}

/// The table of what was measured, in the order of the scenarios.
pub(crate) fn speed(rows: &[Row], reference: &str) {
    println!(
        "\n{:<18} {:>7}  {:<18} {:>9} {:>10} {:>9} {:>9} {:>9} {:>8} {:>8} {:>9}",
        "",
        "callers",
        "",
        "a second",
        "requests",
        "p50 µs",
        "p99 µs",
        "core µs",
        "ratio",
        "by core",
        "generator"
    );
    let mut cell = None;
    for row in rows {
        let one = &row.middle;
        let this = (one.scenario, one.callers);
        if cell.replace(this).is_some_and(|before| before != this) {
            println!();
        }
        println!(
            "{:<18} {:>7}  {:<18} {:>9.0} {:>10.0} {:>9.0} {:>9.0} {:>9.1} {:>8} {:>8} {:>7.0} %",
            one.scenario.name(),
            one.callers,
            one.subject,
            one.per_second,
            one.per_second * f64::from(one.scenario.requests()),
            one.p50,
            one.p99,
            one.core,
            percent(row.ratio),
            percent(row.core_ratio),
            one.generator * 100.0
        );
    }
    println!(
        "(ratio: to {reference}; core: how long the server's core was at work for one; generator: how busy its own core was)"
    );
}

/// The table of the targets, as Markdown.
pub(crate) fn targets_table(targets: &[Target]) -> String {
    let mut table = "| what | target | measured | reached |\n|---|---|---|---|\n".to_owned();
    for target in targets {
        let met = if target.is_met() { "yes" } else { "no" };
        let (what, wanted, unit) = (target.what, target.wanted(), target.unit);
        let _ = writeln!(
            table,
            "| {what} | {wanted} | {:.1}{unit} | {met} |",
            target.measured
        );
    }
    table
}

pub(crate) fn rows_as_json(rows: &[Row]) -> Value {
    let one = |row: &Row| {
        let one = &row.middle;
        json!({
            "scenario": one.scenario.name(),
            "callers": one.callers,
            "subject": one.subject,
            "units_per_second": one.per_second,
            "requests_per_second": one.per_second * f64::from(one.scenario.requests()),
            "p50_microseconds": one.p50,
            "p99_microseconds": one.p99,
            "core_microseconds": one.core,
            "ratio": row.ratio,
            "core_ratio": row.core_ratio,
            "generator_busy": one.generator,
        })
    };
    rows.iter().map(one).collect()
}

pub(crate) fn targets_as_json(targets: &[Target]) -> Value {
    let one = |target: &Target| {
        json!({
            "target": target.what,
            "wanted": target.wanted(),
            "measured": target.measured,
            "met": target.is_met(),
        })
    };
    targets.iter().map(one).collect()
}
