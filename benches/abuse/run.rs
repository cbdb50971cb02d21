//! Runs one shape against a fresh process of the program, and judges the result.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use harness::child::{Child, free_address, limited};
use harness::now;
use tokio::time::{sleep, timeout};

use crate::attacks::journal;
use crate::client::Target;
use crate::innocent::{Experience, Innocent};
use crate::measure::{End, MOST_MEGABYTES, MOST_P99_MS, Usage, Watch};
use crate::options::Options;
use crate::shapes::Shape;

/// Beside the watch for resident memory. Threads and the allocator reserve much that they never use.
const ADDRESS_SPACE: u64 = 4_000_000_000;

/// An attack that ends earlier is still measured for this time: fewer steps have no p99.
const SHORTEST: Duration = Duration::from_secs(1);

/// What comes of the attack after its end is measured too.
const AFTERMATH: Duration = Duration::from_millis(200);

/// What an attack does beyond its time limit, such as reading a last answer.
const GRACE: Duration = Duration::from_secs(10);

/// The results of one shape.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) attacks: &'static str,
    pub(crate) usage: Usage,
    pub(crate) experience: Experience,
    /// How long the attack took.
    pub(crate) took: Duration,
    /// What was sent, and how it was answered.
    pub(crate) sent: String,
    /// Empty if memory stayed within its bound, the attack was answered as it must be, and no innocent step failed.
    pub(crate) broken: Vec<String>,
    /// What broke the bound of latency, which noise can break too.
    pub(crate) slow: Option<String>,
}

impl Row {
    pub(crate) fn p99(&self) -> f64 {
        self.experience.latencies.percentile(99)
    }

    pub(crate) fn verdict(&self) -> &'static str {
        match (self.broken.is_empty(), &self.slow) {
            (false, _) => "BROKEN",
            (true, Some(_)) => "SLOW",
            (true, None) => "OK",
        }
    }

    /// What broke its bounds, in words.
    pub(crate) fn complaints(&self) -> impl Iterator<Item = &String> {
        self.broken.iter().chain(&self.slow)
    }
}

/// Runs a shape, twice if noise may be to blame. Errors: the program cannot be started.
pub(crate) async fn run(shape: &Shape, options: &Options) -> Result<Row, String> {
    let first = run_once(shape, options).await?;
    if !first.broken.is_empty() || first.slow.is_none() {
        return Ok(first);
    }
    let second = run_once(shape, options).await?;
    let counts = !second.broken.is_empty() || second.p99() < first.p99();
    Ok(if counts { second } else { first })
}

async fn run_once(shape: &Shape, options: &Options) -> Result<Row, String> {
    let tls_address = free_address().map_err(|error| error.to_string())?;
    let mut command = limited(&options.program, ADDRESS_SPACE);
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path);
    command.args(["--listen", "127.0.0.1:0", "--mcp-listen", "none"]);
    command.args(["--consent", "approve"]).args(shape.options);
    if shape.serves_tls {
        command.args(["--tls-listen", &tls_address.to_string()]);
    }
    let child = Child::start(command).await;
    let child = child.map_err(|error| format!("{} does not start: {error}", options.program))?;
    let target = Arc::new(Target::new(child.address, tls_address, options.short));
    if shape.fills_journal {
        journal::fill(&target).await;
    }
    let innocent = Innocent::start(child.address).await?;
    let (watch, end) = Watch::start(child.pid);
    innocent.count();
    let began = now();
    let outcome = {
        let limit = target.begin() + GRACE;
        let mut attack = pin!(timeout(limit, (shape.run)(Arc::clone(&target))));
        tokio::select! {
            outcome = attack.as_mut() => Outcome::from_attack(outcome),
            Ok(end) = end => Outcome::Ended(end),
        }
    };
    let took = began.elapsed();
    if matches!(outcome, Outcome::Ended(_)) {
        // It kills a server that is too large.
        drop(child);
    } else {
        sleep(AFTERMATH.max(SHORTEST.saturating_sub(took))).await;
    }
    let experience = innocent.stop();
    let usage = watch.stop();
    Ok(Row {
        name: shape.name,
        attacks: shape.attacks,
        broken: broken(&outcome, usage, &experience),
        slow: slow(&outcome, &experience),
        usage,
        experience,
        took,
        sent: target.tally().to_string(),
    })
}

/// How an attack ended.
enum Outcome {
    Done,
    /// The server did not do what it must do even then.
    Failed(String),
    Ended(End),
}

impl Outcome {
    fn from_attack(result: Result<Result<(), String>, tokio::time::error::Elapsed>) -> Self {
        match result {
            Ok(Ok(())) => Self::Done,
            Ok(Err(error)) => Self::Failed(error),
            Err(_) => Self::Failed("the attack did not end: nothing answers it".to_owned()),
        }
    }
}

fn broken(outcome: &Outcome, usage: Usage, experience: &Experience) -> Vec<String> {
    let mut broken = Vec::new();
    match outcome {
        Outcome::Done => {}
        Outcome::Failed(error) => broken.push(error.clone()),
        Outcome::Ended(end) => broken.push(end.describe()),
    }
    if usage.megabytes > MOST_MEGABYTES {
        broken.push(format!(
            "{:.0} MB of resident memory, at most {MOST_MEGABYTES}",
            usage.megabytes
        ));
    }
    // A server that has ended answers no further checks.
    if matches!(outcome, Outcome::Ended(_)) {
        return broken;
    }
    if let Some(error) = &experience.first_failure {
        broken.push(format!(
            "{} of the innocent client's steps failed, first: {error}",
            experience.failed
        ));
    }
    broken
}

fn slow(outcome: &Outcome, experience: &Experience) -> Option<String> {
    let p99 = experience.latencies.percentile(99);
    let is_slow = !matches!(outcome, Outcome::Ended(_)) && p99 > MOST_P99_MS;
    is_slow.then(|| {
        format!("99 % of the innocent client's steps took up to {p99:.0} ms, at most {MOST_P99_MS}")
    })
}
