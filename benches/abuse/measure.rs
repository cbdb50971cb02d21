//! Memory and processor time of the attacked process, and the latency of the innocent client.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use harness::child::{core_time, peak_megabytes};
use harness::milliseconds;
use tokio::sync::oneshot;

/// The bound of each shape on resident memory.
pub(crate) const MOST_MEGABYTES: f64 = 300.0;

/// The bound of each shape on 99 % of the innocent client's steps.
pub(crate) const MOST_P99_MS: f64 = 50.0;

/// A process that has grown so large has broken its bound for good, and is killed before the machine suffers.
const KILLED_AT_MEGABYTES: f64 = 1200.0;

/// Between two readings of /proc.
const SAMPLING: Duration = Duration::from_millis(5);

/// The costs of the attacked process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// The most resident memory.
    pub(crate) megabytes: f64,
    /// Processor time of all threads.
    pub(crate) cpu: Duration,
}

/// The reason that a process is no longer watched although the watch was not stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The process has ended.
    Died,
    /// The process is to be killed.
    TooLarge,
}

impl End {
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Died => "the server died".to_owned(),
            Self::TooLarge => format!("the server was killed at {KILLED_AT_MEGABYTES} MB"),
        }
    }
}

/// A thread that reads what a process costs.
#[derive(Debug)]
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Usage>,
}

impl Watch {
    /// Starts it. The receiver gets the reason if the process ends or grows too large.
    pub(crate) fn start(pid: u32) -> (Self, oneshot::Receiver<End>) {
        let stop = Arc::new(AtomicBool::new(false));
        let (ended, end) = oneshot::channel();
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || watch(pid, &stopped, ended));
        (Self { stop, thread }, end)
    }

    pub(crate) fn stop(self) -> Usage {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap_or_default()
    }
}

fn watch(pid: u32, stop: &AtomicBool, ended: oneshot::Sender<End>) -> Usage {
    let before = core_time(pid);
    let mut ended = Some(ended);
    let mut usage = Usage::default();
    loop {
        let is_last = stop.load(Ordering::Relaxed);
        let megabytes = peak_megabytes(pid);
        usage.megabytes = usage.megabytes.max(megabytes.unwrap_or_default());
        // A thread that has ended no longer counts: the sum never shrinks here.
        usage.cpu = usage.cpu.max(core_time(pid).saturating_sub(before));
        let end = match megabytes {
            None => Some(End::Died),
            Some(large) if large > KILLED_AT_MEGABYTES => Some(End::TooLarge),
            Some(_) => None,
        };
        if let Some(end) = end
            && let Some(ended) = ended.take()
        {
            // The receiver is dropped after the attack.
            let _ = ended.send(end);
        }
        if is_last {
            return usage;
        }
        std::thread::sleep(SAMPLING);
    }
}

/// Latencies in ascending order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    /// From the steps of a client that begins one every `interval`. While it waits for a slow step, the next ones are
    /// due: they count with the rest of the wait.
    pub(crate) fn of_steps(steps: &[Duration], interval: Duration) -> Self {
        let mut all = Vec::with_capacity(steps.len());
        for step in steps {
            let mut wait = *step;
            all.push(wait);
            while wait > interval * 2 {
                wait -= interval;
                all.push(wait);
            }
        }
        all.sort_unstable();
        Self(all)
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// In milliseconds; zero without steps.
    pub(crate) fn percentile(&self, part: usize) -> f64 {
        let at = (self.0.len() * part / 100).min(self.0.len().saturating_sub(1));
        self.0.get(at).copied().map_or(0.0, milliseconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(10);

    fn latencies(steps: &[u64]) -> Latencies {
        let steps: Vec<Duration> = steps.iter().copied().map(Duration::from_millis).collect();
        Latencies::of_steps(&steps, INTERVAL)
    }

    #[test]
    fn percentiles_of_quick_steps_are_those_of_the_steps() {
        let quick: Vec<u64> = (1..=10).cycle().take(1000).collect();
        let quick = latencies(&quick);
        assert_eq!(quick.count(), 1000);
        assert!((quick.percentile(50) - 6.0).abs() < f64::EPSILON);
        assert!((quick.percentile(100) - 10.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_stall_counts_for_every_step_that_was_due_meanwhile() {
        let mut steps = vec![1; 200];
        steps.push(1000);
        let stalled = latencies(&steps);
        assert_eq!(stalled.count(), 200 + 99);
        assert!(stalled.percentile(99) > 900.0);
    }

    #[test]
    fn no_steps_have_no_latency() {
        assert!(latencies(&[]).percentile(99).abs() < f64::EPSILON);
    }
}
