//! A measured process: started, pinned to one core, ended, and its costs read from /proc. A child is killed when its value
//! is dropped, and when the generator ends in any way.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{self, Command};
use tokio::time::timeout;

/// The core of the measured programs.
pub const SERVERS: &str = "0";
/// The core of the generator.
pub const GENERATOR: &str = "1";

/// It is killed when this value is dropped.
#[derive(Debug)]
pub struct Child {
    _process: process::Child,
    /// Its process id.
    pub pid: u32,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A command that dies with this process, on the core of the measured programs if there is more than one.
pub fn pinned(program: &str, pin: bool) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL"]);
    if pin {
        command.args(["taskset", "-c", SERVERS]);
    }
    command.arg(program);
    command
}

/// A command that dies with this process and has at most this much address space, in bytes.
pub fn limited(program: &str, address_space: u64) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "prlimit"]);
    command.arg(format!("--as={address_space}")).arg(program);
    command
}

/// Pins this process to its core. Errors: there is no taskset, or no second core.
pub async fn pin_generator() -> io::Result<()> {
    let own = std::process::id().to_string();
    let done = Command::new("taskset")
        .args(["-p", "-c", GENERATOR, &own])
        .stdout(Stdio::null())
        .status()
        .await?;
    if done.success() {
        Ok(())
    } else {
        Err(io::Error::other("taskset refused"))
    }
}

impl Child {
    /// Starts it and waits for the line with its address: `listening on http://…:PORT`, or JSON with a `port`.
    pub async fn start(mut command: Command) -> io::Result<Self> {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let pid = process.id().ok_or(io::ErrorKind::NotFound)?;
        let output = process.stdout.take().ok_or(io::ErrorKind::NotFound)?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        timeout(Duration::from_secs(20), output.read_line(&mut line)).await??;
        // A process whose pipe is full blocks.
        tokio::spawn(async move {
            let mut rest = [0; 4096];
            while matches!(output.read(&mut rest).await, Ok(1..)) {}
        });
        let ready: Value = serde_json::from_str(&line).unwrap_or_default();
        let port = ready["port"].as_u64().map_or_else(
            || {
                line.trim()
                    .rsplit(':')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            },
            |port| port.to_string(),
        );
        let port = port
            .parse()
            .map_err(|_| io::Error::other(format!("no port in {line:?}")))?;
        Ok(Self {
            _process: process,
            pid,
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        })
    }

    /// Its memory that is in RAM.
    pub fn resident_megabytes(&self) -> f64 {
        resident_megabytes(self.pid)
    }
}

/// The memory of a process that is in RAM.
pub fn resident_megabytes(pid: u32) -> f64 {
    status_megabytes(pid, "VmRSS:").unwrap_or_default()
}

/// The most memory of a process that has ever been in RAM; nothing once the process has ended.
pub fn peak_megabytes(pid: u32) -> Option<f64> {
    status_megabytes(pid, "VmHWM:")
}

fn status_megabytes(pid: u32, name: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u32 = line.split_whitespace().next()?.parse().ok()?;
    Some(f64::from(kilobytes) / 1024.0)
}

/// How long all threads of a process have had a core.
pub fn core_time(pid: u32) -> Duration {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Duration::ZERO;
    };
    let of_thread = |path: std::path::PathBuf| -> Option<u64> {
        let text = fs::read_to_string(path.join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    };
    let nanoseconds = threads
        .filter_map(|thread| of_thread(thread.ok()?.path()))
        .sum();
    Duration::from_nanos(nanoseconds)
}

/// An address of the loopback interface whose port is free.
pub fn free_address() -> io::Result<SocketAddr> {
    std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
