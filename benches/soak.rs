//! Checks for leaks in long use: rounds of mixed traffic; after each all clients disconnect, and memory, threads and
//! file descriptors must be back at their earlier values.
//!
//! `cargo bench --bench soak -- --minutes 30`. `--program FILE` measures another program than the one that was built for
//! the bench. `--on-file` stores everything in a database file, whose size is checked as well. Tokens and the journal,
//! which grow by design, are reset regularly. Loopback only. It ends with exit status 1 if something leaks, an unexpected
//! 5xx comes, or the server does not stop within 5 s.

#![expect(clippy::disallowed_methods, reason = "what is measured is real")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
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

/// The first round warms the server up; the others are compared with it.
const ROUNDS: u32 = 6;

/// A quarter more than after the first round, plus the memory that an allocator retains.
const TOLERANCE_FACTOR: f64 = 1.25;
const TOLERANCE_KB: f64 = 8.0 * 1024.0;

/// The most connections that read the database at once; each is a thread and two descriptors, and stays.
const READERS: usize = 4;

/// Idle connections are closed after 2 s, sandboxes deleted after 5 s, idle threads of the runtime ended after 10 s.
const LONGEST_CALM: Duration = Duration::from_secs(30);

/// The observations of all clients.
#[derive(Debug, Default)]
struct Seen {
    answers: Mutex<BTreeMap<u16, u64>>,
    flows: AtomicU64,
    finished: AtomicU64,
    failures: Mutex<Vec<String>>,
}

impl Seen {
    fn answer(&self, status: u16) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        *answers.entry(status).or_default() += 1;
    }

    fn fail(&self, what: String) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.push(what);
    }
}

/// The server under test, and the folder of its database if it has one.
#[derive(Debug)]
struct Server {
    child: Child,
    base: String,
    folder: Option<PathBuf>,
}

/// Ends the server and removes its files in every case.
impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = &self.folder {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// The server's resources, as the system reports them.
#[derive(Debug, Clone, Copy)]
struct Size {
    resident_kb: f64,
    threads: usize,
    files: usize,
    /// Bytes of the database and its other files.
    disk_kb: f64,
}

impl Size {
    fn of(server: &Server) -> Self {
        let process = server.child.id();
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
            disk_kb: server.folder.as_deref().map_or(0.0, disk_kb),
        }
    }

    /// Waits until the traffic has left no resources, up to a time limit.
    async fn when_calm(server: &Server, most: Self) -> Self {
        let waited = Instant::now();
        while traffic::sandboxes(&server.base).await > 1 && waited.elapsed() < LONGEST_CALM {
            sleep(Duration::from_millis(500)).await;
        }
        loop {
            let size = Self::of(server);
            let calm = size.files <= most.files && size.threads <= most.threads;
            if calm || waited.elapsed() > LONGEST_CALM {
                return size;
            }
            sleep(Duration::from_millis(200)).await;
        }
    }
}

fn disk_kb(folder: &Path) -> f64 {
    let files = fs::read_dir(folder).expect("the folder is ours");
    let bytes: u64 = files
        .filter_map(|file| file.ok()?.metadata().ok())
        .map(|file| file.len())
        .sum();
    u32::try_from(bytes / 1024).map_or(f64::INFINITY, f64::from)
}

fn start(program: &str, folder: Option<PathBuf>) -> Server {
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
    if let Some(folder) = &folder {
        fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        command.arg("--database").arg(folder.join("mock.db"));
    }
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped"));
    lines
        .read_line(&mut first)
        .expect("the server prints its address");
    // A process that writes to a closed pipe is ended by SIGPIPE.
    std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
    let base = first.trim().strip_prefix("listening on ");
    let base = base.expect("the server prints its address").to_owned();
    Server {
        child,
        base,
        folder,
    }
}

/// One round of traffic, until its time is over and all clients have disconnected.
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

/// Sends SIGTERM while clients stay connected. Returns the time that the server takes to stop.
async fn stop(server: &mut Server, seen: &Seen) -> Duration {
    let child = &mut server.child;
    let lines = traffic::lines(&server.base, 50).await;
    let began = Instant::now();
    let sent = Command::new("sh")
        .args(["-c", "kill -TERM \"$0\"", &child.id().to_string()])
        .status();
    if !sent.is_ok_and(|status| status.success()) {
        seen.fail("SIGTERM could not be sent".to_owned());
    }
    let mut status = None;
    while status.is_none() && began.elapsed() < Duration::from_secs(10) {
        sleep(Duration::from_millis(10)).await;
        status = child.try_wait().ok().flatten();
    }
    if !status.is_some_and(|status| status.success()) {
        let _ = child.kill();
        seen.fail(format!("it stopped with {status:?}"));
    }
    drop(lines);
    began.elapsed()
}

/// The growth since the first round, if it is more than an allocator retains.
fn grown(what: &str, then: f64, now: f64) -> Option<String> {
    let most = then.mul_add(TOLERANCE_FACTOR, TOLERANCE_KB);
    (now > most).then(|| format!("{what}: {then} kB after the first round, now {now}"))
}

async fn soak(program: &str, minutes: f64, folder: Option<PathBuf>) -> Arc<Seen> {
    let seen = Arc::new(Seen::default());
    let mut server = start(program, folder);
    traffic::reset(&server.base, &seen).await;
    let mut most = Size::of(&server);
    eprintln!("at the start: {most:?}");
    if server.folder.is_some() {
        most.threads += READERS;
        most.files += 2 * READERS;
    }
    let length = Duration::from_secs_f64(minutes * 60.0 / f64::from(ROUNDS));
    let mut first = None;
    for number in 1..=ROUNDS {
        round(&server.base, number, length, &seen).await;
        let busy = Size::of(&server);
        let calm = Size::when_calm(&server, most).await;
        let finished = seen.finished.load(Ordering::Relaxed);
        eprintln!("round {number}: {busy:?}, calm {calm:?}; {finished} flows");
        let (files, threads) = (calm.files, calm.threads);
        if files > most.files {
            seen.fail(format!("{files} files, at most {}", most.files));
        }
        if threads > most.threads {
            seen.fail(format!("{threads} threads, at most {}", most.threads));
        }
        let warm: Size = *first.get_or_insert(calm);
        let grown = [
            grown("memory", warm.resident_kb, calm.resident_kb),
            grown("files of the database", warm.disk_kb, calm.disk_kb),
        ];
        grown.into_iter().flatten().for_each(|what| seen.fail(what));
    }
    let took = stop(&mut server, &seen).await;
    eprintln!("stopped within {took:?}");
    // The shutdown gives requests in progress 1.5 s; the rest is room for a busy machine.
    if took > Duration::from_secs(5) {
        seen.fail(format!("it took {took:?} to stop"));
    }
    seen
}

/// The value of an option on the command line. Arguments of cargo are ignored.
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
    let on_file = std::env::args().any(|one| one == "--on-file");
    let name = format!("civitai-oauth-mock-soak-{}", std::process::id());
    let folder = on_file.then(|| std::env::temp_dir().join(name));
    let seen = soak(program, minutes, folder).await;
    let answers = seen.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let (flows, finished) = (
        seen.flows.load(Ordering::Relaxed),
        seen.finished.load(Ordering::Relaxed),
    );
    eprintln!("answers by status: {answers:?}; {finished} of {flows} flows went to their end");
    let failures = seen.failures.lock().unwrap_or_else(PoisonError::into_inner);
    for what in failures.iter().take(20) {
        eprintln!("WRONG: {what}");
    }
    // A reset in the middle ends a flow early.
    if failures.is_empty() && finished * 2 > flows {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
