//! The page of the documentation with the results, `docs/development/measurements.md`.

use std::fmt::Write as _;

use tokio::process::Command;

use crate::measure::Row;
use crate::report::percent;
use crate::targets::Target;

/// Its first lines.
const INTRODUCTION: &str = "\
# Measurements

`load --page FILE` writes this page. [Benchmarks](./benchmarks.md) has the command and explains what is measured. Only ratios
within one run can be compared: absolute figures depend on the machine and the day.

";

/// The day, the machine and the program of a run.
#[derive(Debug)]
pub(crate) struct Setting {
    date: String,
    machine: String,
    program: String,
}

impl Setting {
    /// Errors: `date`, `uname` or the program cannot be run.
    pub(crate) async fn read(program: &str, cores: usize) -> Result<Self, String> {
        let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processor.lines().find_map(|line| {
            let (name, model) = line.split_once(':')?;
            (name.trim() == "model name").then(|| model.trim())
        });
        let kernel = output("uname", &["-sr"]).await?;
        Ok(Self {
            date: output("date", &["-u", "+%Y-%m-%d"]).await?,
            machine: format!(
                "{cores} cores of {}, {kernel}",
                model.unwrap_or("an unknown processor")
            ),
            program: output(program, &["--version"]).await?,
        })
    }
}

/// The first line that a command prints.
async fn output(command: &str, arguments: &[&str]) -> Result<String, String> {
    let failed = |error: &dyn std::fmt::Display| format!("{command}: {error}");
    let output = Command::new(command).args(arguments).output().await;
    let output = output.map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&output.status));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The page as Markdown.
pub(crate) fn markdown(setting: &Setting, rows: &[Row], targets: &[Target]) -> String {
    let mut page = INTRODUCTION.to_owned();
    let _ = writeln!(page, "| | |\n|---|---|");
    for (name, value) in [
        ("date", &setting.date),
        ("machine", &setting.machine),
        ("program", &setting.program),
    ] {
        let _ = writeln!(page, "| {name} | {value} |");
    }
    page.push_str(
        "\n## Speed\n\n\
         | scenario | clients | server | per second | p50, µs | p99, µs | core, µs | of the ceiling, by core |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for row in rows {
        let one = &row.middle;
        let _ = writeln!(
            page,
            "| {} | {} | {} | {:.0} | {:.0} | {:.0} | {:.1} | {} |",
            one.scenario.name(),
            one.callers,
            one.subject,
            one.per_second,
            one.p50,
            one.p99,
            one.core,
            percent(row.core_ratio),
        );
    }
    page.push_str("\n## Targets\n\n");
    page.push_str(&crate::report::targets_table(targets));
    page
}
