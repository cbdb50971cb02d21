//! Targets of speed and size: each is a ratio within one run, or a limit. `--check` compares the program with the
//! floors, which allow for a noisy machine and a short run.

use crate::advice::Cost;
use crate::measure::{Row, median};
use crate::worker::Scenario;

#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) what: &'static str,
    pub(crate) measured: f64,
    pub(crate) unit: &'static str,
    wanted: Bound,
    /// The bound of `--check`.
    floor: Bound,
}

#[derive(Debug, Clone, Copy)]
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}
use Bound::{AtLeast, AtMost};

impl Bound {
    fn holds(self, measured: f64) -> bool {
        match self {
            AtLeast(bound) => measured >= bound,
            AtMost(bound) => measured <= bound,
        }
    }
}

impl Target {
    fn new(what: &'static str, measured: f64, unit: &'static str, bounds: (Bound, Bound)) -> Self {
        Self {
            what,
            measured,
            unit,
            wanted: bounds.0,
            floor: bounds.1,
        }
    }

    pub(crate) fn is_met(&self) -> bool {
        self.wanted.holds(self.measured)
    }

    pub(crate) fn is_above_floor(&self) -> bool {
        self.floor.holds(self.measured)
    }

    /// The bound in words.
    pub(crate) fn wanted(&self) -> String {
        match self.wanted {
            AtLeast(bound) => format!("≥ {bound}{}", self.unit),
            AtMost(bound) => format!("≤ {bound}{}", self.unit),
        }
    }
}

/// The row of a subject in a scenario with this many callers.
pub(crate) fn row<'a>(rows: &'a [Row], name: &str, cell: (Scenario, usize)) -> Option<&'a Row> {
    rows.iter()
        .find(|row| row.middle.subject == name && (row.middle.scenario, row.middle.callers) == cell)
}

/// The targets about speed for which there are rows.
pub(crate) fn of_speed(rows: &[Row], callers: usize) -> Vec<Target> {
    let cell = |name, scenario| row(rows, name, (scenario, callers));
    let share = |name, scenario| cell(name, scenario).and_then(|row| row.core_ratio);
    // Waiting for a disk takes no core.
    let on_file =
        cell("server, file", Scenario::Flow).and_then(|row| Some(row.core_ratio?.min(row.ratio?)));
    let percent = |ratio: f64| ratio * 100.0;
    let mut targets = Vec::new();
    let peers = ["oauth2-mock-server", "oidc-provider"]
        .iter()
        .filter_map(|peer| share(peer, Scenario::Flow))
        .max_by(f64::total_cmp);
    let in_memory = share("server", Scenario::Flow);
    if let (Some(own), Some(peer)) = (in_memory, peers) {
        let bounds = (AtLeast(20.0), AtLeast(1.0));
        targets.push(Target::new(
            "full flow, times the faster peer",
            own / peer,
            " ×",
            bounds,
        ));
    }
    let shares = [
        ("full flow in memory, of the ceiling", in_memory, 40.0, 15.0),
        ("full flow on file, of the ceiling", on_file, 20.0, 1.0),
        (
            "userinfo in memory, of the ceiling",
            share("server", Scenario::Userinfo),
            60.0,
            15.0,
        ),
    ];
    for (what, ratio, wanted, floor) in shares {
        if let Some(ratio) = ratio {
            let bounds = (AtLeast(wanted), AtLeast(floor));
            targets.push(Target::new(what, percent(ratio), " %", bounds));
        }
    }
    if let Some(row) = cell("server", Scenario::Flow) {
        let ratio = row.middle.p99 / row.middle.p50;
        let bounds = (AtMost(5.0), AtMost(20.0));
        targets.push(Target::new(
            "full flow in memory, p99 to p50",
            ratio,
            " ×",
            bounds,
        ));
    }
    targets
}

/// The targets about the idle program.
pub(crate) fn of_standing(starts: &[(f64, f64)], program_bytes: f64) -> Vec<Target> {
    let start = median(starts.iter().map(|one| one.0));
    let memory = median(starts.iter().map(|one| one.1));
    let size = program_bytes / 1024.0 / 1024.0;
    vec![
        Target::new(
            "start to first answer",
            start,
            " ms",
            (AtMost(20.0), AtMost(100.0)),
        ),
        Target::new(
            "resident memory, idle",
            memory,
            " MB",
            (AtMost(15.0), AtMost(30.0)),
        ),
        Target::new("the program", size, " MB", (AtMost(16.0), AtMost(16.0))),
    ]
}

/// The target about a server that holds many tokens: its speed beside one that holds few, in the worst scenario.
pub(crate) fn of_many_tokens(rows: &[Row], name: &str) -> Option<Target> {
    let of_many = rows.iter().filter(|row| row.middle.subject == name);
    let worst = of_many
        .filter_map(|row| row.core_ratio)
        .min_by(f64::total_cmp)?;
    let bounds = (AtLeast(90.0), AtLeast(50.0));
    Some(Target::new(
        "speed with many live tokens, of that with 1,000",
        worst * 100.0,
        " %",
        bounds,
    ))
}

/// The targets about advice: its duration, and the delay of other requests meanwhile.
pub(crate) fn of_advice(cost: &Cost) -> [Target; 3] {
    [
        Target::new(
            "one advice over a full journal",
            cost.one,
            " ms",
            (AtMost(250.0), AtMost(2500.0)),
        ),
        Target::new(
            "the longest request during the first advice",
            cost.stalled,
            " ms",
            (AtMost(20.0), AtMost(200.0)),
        ),
        Target::new(
            "userinfo while advice is asked for without a pause, p50",
            cost.beside,
            " ×",
            (AtMost(3.0), AtMost(20.0)),
        ),
    ]
}
