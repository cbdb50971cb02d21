//! Throughput and latency. All subjects take turns, so that noise of the machine affects them alike; the median of
//! the rounds is reported.

use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::child::core_time;
use harness::{float, now};
use tokio::task::JoinSet;

use crate::subject::Subject;
use crate::worker::{Scenario, Worker};

/// The measurements to make, and their length.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Scenarios, each with its number of concurrent callers.
    pub(crate) cells: Vec<(Scenario, usize)>,
    pub(crate) rounds: usize,
    /// How long each subject is measured in each cell of each round.
    pub(crate) span: Duration,
    /// Each subject is reset before each cell.
    pub(crate) fresh: bool,
}

impl Plan {
    pub(crate) fn most_callers(&self) -> usize {
        self.cells.iter().map(|cell| cell.1).max().unwrap_or(1)
    }
}

/// One subject in one cell of one round.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    pub(crate) subject: &'static str,
    pub(crate) scenario: Scenario,
    pub(crate) callers: usize,
    pub(crate) per_second: f64,
    /// Microseconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Microseconds of a core that the subject took for one.
    pub(crate) core: f64,
    /// How much of its core the generator took; near 1, it is the generator that is measured.
    pub(crate) generator: f64,
}

/// The median; zero if there are no numbers.
pub(crate) fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// All samples of the plan. Errors: the first wrong response.
pub(crate) async fn rounds(
    subjects: &mut [Arc<Subject>],
    plan: &Plan,
) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    for subject in &mut *subjects {
        make_ready(subject, plan).await?;
        // Warm: a peer compiles what runs often.
        let warm = (plan.span * 2).min(Duration::from_secs(2));
        sample(subject, (Scenario::Flow, plan.most_callers()), warm).await?;
    }
    for round in 0..plan.rounds {
        for cell in &plan.cells {
            let (scenario, callers) = (cell.0.name(), cell.1);
            eprintln!(
                "round {} of {}: {scenario}, {callers} at once",
                round + 1,
                plan.rounds
            );
            for subject in &mut *subjects {
                make_ready(subject, plan).await?;
                samples.push(sample(subject, *cell, plan.span).await?);
            }
        }
    }
    Ok(samples)
}

async fn make_ready(subject: &mut Arc<Subject>, plan: &Plan) -> Result<(), String> {
    if !plan.fresh {
        return Ok(());
    }
    let subject = Arc::get_mut(subject).ok_or("a worker outlived its measurement")?;
    subject.prepare(plan.most_callers()).await
}

/// Measures one scenario with this many callers for this long.
pub(crate) async fn sample(
    subject: &Arc<Subject>,
    (scenario, callers): (Scenario, usize),
    span: Duration,
) -> Result<Sample, String> {
    let workers = ready(subject, callers).await?;
    let (own, other) = (std::process::id(), subject.child.pid);
    let before = (core_time(own), core_time(other));
    let began = now();
    let mut running = JoinSet::new();
    for worker in workers {
        running.spawn(work(worker, scenario, began + span));
    }
    let mut took = Vec::new();
    while let Some(done) = running.join_next().await {
        took.extend(done.map_err(|error| error.to_string())??);
    }
    let lasted = began.elapsed();
    let own = core_time(own).saturating_sub(before.0);
    let other = core_time(other).saturating_sub(before.1);
    took.sort_unstable();
    let microseconds = |part: usize| {
        let at = (took.len() * part / 100).min(took.len().saturating_sub(1));
        took.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    };
    Ok(Sample {
        subject: subject.name,
        scenario,
        callers,
        per_second: float(took.len()) / lasted.as_secs_f64(),
        p50: microseconds(50),
        p99: microseconds(99),
        core: other.as_secs_f64() * 1e6 / float(took.len().max(1)),
        generator: own.as_secs_f64() / lasted.as_secs_f64(),
    })
}

/// Connects this many callers at once: some servers close connections that are idle for long.
async fn ready(subject: &Arc<Subject>, callers: usize) -> Result<Vec<Worker>, String> {
    let mut coming = JoinSet::new();
    for person in 0..callers {
        let subject = Arc::clone(subject);
        coming.spawn(async move { Worker::ready(&subject, person).await });
    }
    let mut workers = Vec::new();
    while let Some(worker) = coming.join_next().await {
        workers.push(worker.map_err(|error| error.to_string())??);
    }
    Ok(workers)
}

/// Repeats the scenario until `end`, and returns the duration of each run.
async fn work(
    mut worker: Worker,
    scenario: Scenario,
    end: Instant,
) -> Result<Vec<Duration>, String> {
    let mut took = Vec::new();
    let mut began = now();
    while began < end {
        worker.act(scenario).await?;
        let ended = now();
        took.push(ended - began);
        began = ended;
    }
    Ok(took)
}

/// The medians of what was sampled of one subject in one cell.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) middle: Sample,
    /// Of the reference's speed, round for round.
    pub(crate) ratio: Option<f64>,
    /// The same by the time that the server's core was at work. On a quiet machine the two agree once there are callers
    /// enough; on a busy one this is what others cannot take away. Waiting for a disk does not count.
    pub(crate) core_ratio: Option<f64>,
}

/// One row for each subject and cell, in the order in which they were measured. `reference` is what they are compared with.
pub(crate) fn rows(samples: &[Sample], reference: &str) -> Vec<Row> {
    let same = |one: &Sample, other: &Sample| {
        (one.scenario, one.callers) == (other.scenario, other.callers)
    };
    let mut rows: Vec<Row> = Vec::new();
    for sample in samples {
        let is_known =
            |row: &Row| row.middle.subject == sample.subject && same(&row.middle, sample);
        if rows.iter().any(is_known) {
            continue;
        }
        let cell: Vec<&Sample> = samples.iter().filter(|one| same(one, sample)).collect();
        let of = |name: &str| -> Vec<&Sample> {
            cell.iter()
                .copied()
                .filter(|one| one.subject == name)
                .collect()
        };
        let (own, others) = (of(sample.subject), of(reference));
        let middle = |value: fn(&Sample) -> f64| median(own.iter().map(|one| value(one)));
        let of_pairs = |ratio: fn(&Sample, &Sample) -> f64| {
            let pairs = own.iter().zip(&others);
            (!others.is_empty()).then(|| median(pairs.map(|(one, other)| ratio(one, other))))
        };
        rows.push(Row {
            ratio: of_pairs(|one, other| one.per_second / other.per_second),
            core_ratio: of_pairs(|one, other| other.core / one.core),
            middle: Sample {
                per_second: middle(|one| one.per_second),
                p50: middle(|one| one.p50),
                p99: middle(|one| one.p99),
                core: middle(|one| one.core),
                generator: middle(|one| one.generator),
                ..sample.clone()
            },
        });
    }
    rows
}
