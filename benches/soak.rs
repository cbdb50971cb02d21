//! Does the server stay as it is, however long it is used? Rounds of mixed traffic; after each everybody leaves, and
//! memory, threads and file descriptors must be what they were.
//!
//! `cargo bench -p civitai-oauth-mock-program --bench soak -- --minutes 30`; `--program FILE` names another program than
//! the one that was built for it. What keeps its memory by design, tokens and the journal, is reset now and then, as its
//! users do. Loopback only; it stops by itself, with exit status 1 where something leaks, a 5xx comes that nobody asked
//! for, or the server does not stop in 2 s.

#![expect(clippy::disallowed_methods, reason = "what is measured is real")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep;

#[path = "soak/traffic.rs"]
mod traffic;

use traffic::Caller;

const CALLERS: u64 = 8;

/// The first warms the server up; the others are compared with it.
const ROUNDS: u32 = 6;

/// A quarter more than after the first round, and what an allocator holds back.
const TOLERANCE_FACTOR: f64 = 1.25;
const TOLERANCE_KB: f64 = 8.0 * 1024.0;

/// Connections are let go after 2 s, sandboxes after 5 s, idle threads of the runtime after 10 s.
const LONGEST_CALM: Duration = Duration::from_secs(30);

/// What everybody has seen.
#[derive(Debug, Default)]
struct Seen {
    answers: Mutex<BTreeMap<u16, u64>>,
    flows: AtomicU64,
    finished: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Seen {
    fn answer(&self, status: u16) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry(status).or_default() += 1;
    }

    fn wrong(&self, what: String) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.push(what);
    }
}

/// What the system says of the process.
#[derive(Debug, Clone, Copy)]
struct Size {
    resident_kb: f64,
    threads: usize,
    files: usize,
}

impl Size {
    fn of(process: u32) -> Self {
        let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let text = line.and_then(|line| line.split_whitespace().next());
            text.and_then(|text| text.parse::<u32>().ok())
                .unwrap_or_else(|| panic!("no {name} in {status}"))
        };
        let files = fs::read_dir(format!("/proc/{process}/fd")).expect("it runs");
        Self {
            resident_kb: f64::from(number("VmRSS:")),
            threads: usize::try_from(number("Threads:")).unwrap_or(usize::MAX),
            files: files.count(),
        }
    }

    /// Waits until nothing is left over of the traffic, as far as that is so in time.
    async fn when_calm(process: u32, begun: Self) -> Self {
        let waited = Instant::now();
        loop {
            let size = Self::of(process);
            let calm = size.files <= begun.files && size.threads <= begun.threads;
            if calm || waited.elapsed() > LONGEST_CALM {
                return size;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

fn start(program: &str) -> (Child, String) {
    let mut command = Command::new(program);
    command.args(["--listen", "127.0.0.1:0", "--mcp-listen", "none"]);
    command.args(["--consent", "approve", "--journal", "1000"]);
    command.args([
        "--sandbox-idle",
        "5s",
        "--head-timeout",
        "2s",
        "--body-timeout",
        "2s",
    ]);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("{program} cannot be started: {why}"));
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
    lines
        .read_line(&mut first)
        .expect("it says where it listens");
    // Whoever prints into a pipe that nobody holds dies of it.
    std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
    let base = first.trim().strip_prefix("listening on ");
    (child, base.expect("it says where it listens").to_owned())
}

/// One round of traffic, until its time is over and everybody has left.
async fn round(base: &str, number: u32, length: Duration, seen: &Arc<Seen>) {
    let over = Arc::new(AtomicBool::new(false));
    let mut callers = JoinSet::new();
    for at in 0..CALLERS {
        let (over, seen) = (Arc::clone(&over), Arc::clone(seen));
        let mut caller = Caller::new(base, u64::from(number) * CALLERS + at, seen);
        callers.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                caller.act().await;
            }
        });
    }
    let began = Instant::now();
    while began.elapsed() < length {
        sleep(Duration::from_secs(2).min(length)).await;
        traffic::reset(base, seen).await;
    }
    over.store(true, Ordering::Relaxed);
    callers.join_all().await;
    traffic::reset(base, seen).await;
}

/// SIGTERM, with callers who stay on the line: how long it takes to stop.
async fn stop(child: &mut Child, base: &str, seen: &Seen) -> Duration {
    let lines = traffic::lines(base, 50).await;
    let began = Instant::now();
    let sent = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    if !sent.is_ok_and(|status| status.success()) {
        seen.wrong("it could not be told to stop".to_owned());
    }
    let mut status = None;
    while status.is_none() && began.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(10)).await;
        status = child.try_wait().ok().flatten();
    }
    if !status.is_some_and(|status| status.success()) {
        let _ = child.kill();
        seen.wrong(format!("it did not stop well: {status:?}"));
    }
    drop(lines);
    began.elapsed()
}

async fn soak(program: &str, minutes: f64) -> Arc<Seen> {
    let seen = Arc::new(Seen::default());
    let (mut child, base) = start(program);
    let process = child.id();
    traffic::reset(&base, &seen).await;
    let begun = Size::when_calm(process, Size::of(process)).await;
    eprintln!("at the start: {begun:?}");
    let length = Duration::from_secs_f64(minutes * 60.0 / f64::from(ROUNDS));
    let mut first = None;
    for number in 1..=ROUNDS {
        round(&base, number, length, &seen).await;
        let busy = Size::of(process);
        let calm = Size::when_calm(process, begun).await;
        let finished = seen.finished.load(Ordering::Relaxed);
        eprintln!("round {number}: {busy:?}, calm {calm:?}; {finished} flows");
        if calm.files > begun.files {
            seen.wrong(format!(
                "{} files at the start, now {}",
                begun.files, calm.files
            ));
        }
        if calm.threads > begun.threads {
            let (then, now) = (begun.threads, calm.threads);
            seen.wrong(format!("{then} threads at the start, now {now}"));
        }
        let warm: Size = *first.get_or_insert(calm);
        if calm.resident_kb > warm.resident_kb * TOLERANCE_FACTOR + TOLERANCE_KB {
            let (then, now) = (warm.resident_kb, calm.resident_kb);
            seen.wrong(format!("{then} kB after the first round, now {now}"));
        }
    }
    let took = stop(&mut child, &base, &seen).await;
    eprintln!("stopped within {took:?}");
    if took > Duration::from_secs(2) {
        seen.wrong(format!("it took {took:?} to stop"));
    }
    seen
}

/// What follows `name` on the command line; what cargo adds is left aside.
fn option(name: &str) -> Option<String> {
    std::env::args().skip_while(|one| one != name).nth(1)
}

#[tokio::main]
async fn main() -> ExitCode {
    let minutes =
        option("--minutes").map_or(30.0, |text| text.parse().expect("--minutes takes a number"));
    let program = option("--program");
    let program = program
        .as_deref()
        .unwrap_or(env!("CARGO_BIN_EXE_civitai-oauth-mock"));
    let seen = soak(program, minutes).await;
    let answers = seen.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let (flows, finished) = (
        seen.flows.load(Ordering::Relaxed),
        seen.finished.load(Ordering::Relaxed),
    );
    eprintln!("answers by status: {answers:?}; {finished} of {flows} flows went to their end");
    let wrong = seen.wrong.lock().unwrap_or_else(PoisonError::into_inner);
    for what in wrong.iter().take(20) {
        eprintln!("WRONG: {what}");
    }
    // A reset in the middle ends a flow early.
    if wrong.is_empty() && finished * 2 > flows {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
