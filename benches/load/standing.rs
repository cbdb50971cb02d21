//! The program's idle costs: start-up time, memory, size, and the control calls that tests make between tests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::measure::median;
use crate::subject::{Subject, person};
use harness::child::resident_megabytes;
use harness::control::Control;
use harness::http::Connection;
use harness::{float, milliseconds, now};

/// How many callers issue tokens concurrently.
const ISSUERS: usize = 16;
/// How many users the issued tokens are spread over.
const HOLDERS: usize = 1000;
/// How many of the issued tokens are used for requests.
const MAX_USED_TOKENS: usize = 10_000;

/// Milliseconds from starting the program to its first answer, and megabytes while it idles, for each of `count` starts.
pub(crate) async fn starts(program: &str, count: usize) -> Result<Vec<(f64, f64)>, String> {
    let mut found = Vec::new();
    for _ in 0..count {
        found.push(
            start(program)
                .await
                .map_err(|error| format!("{program}: {error}"))?,
        );
    }
    Ok(found)
}

async fn start(program: &str) -> Result<(f64, f64), String> {
    let free = TcpListener::bind("127.0.0.1:0").await;
    let free = free.and_then(|listener| listener.local_addr());
    let address = free.map_err(|error| error.to_string())?;
    let mut command = Command::new(program);
    command.env_clear().kill_on_drop(true);
    command.args(["--mcp-listen", "none", "--listen", &address.to_string()]);
    command.stdout(std::process::Stdio::null());
    let began = now();
    let mut process = command.spawn().map_err(|error| error.to_string())?;
    let mut connection = loop {
        if let Ok(connection) = Connection::open(address).await {
            break connection;
        }
        if began.elapsed() > Duration::from_secs(10) {
            return Err("it does not answer".to_owned());
        }
        tokio::time::sleep(Duration::from_micros(200)).await;
    };
    let asked = connection
        .ask(b"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        .await;
    let status = asked.map_err(|error| error.to_string())?.status;
    let took = began.elapsed();
    if status != 200 {
        return Err(format!("its health is {status}"));
    }
    // Work after its start is done by then.
    tokio::time::sleep(Duration::from_millis(100)).await;
    let memory = resident_megabytes(process.id().unwrap_or_default());
    process.kill().await.map_err(|error| error.to_string())?;
    Ok((milliseconds(took), memory))
}

/// Megabytes with this many sandboxes, and milliseconds for creating one.
pub(crate) async fn sandboxes(program: &str, count: usize, pin: bool) -> Result<Value, String> {
    let server = Subject::server("server", program, &[], pin).await?;
    let mut control = server.control().await?;
    let began = now();
    for number in 0..count {
        let named = json!({ "name": format!("sandbox{number}") });
        control.ask("POST", "/_mock/sandboxes", &named).await?;
    }
    let each = milliseconds(began.elapsed()) / float(count.max(1));
    let memory = server.child.resident_megabytes();
    Ok(json!({ "count": count, "megabytes": memory, "milliseconds_each": each }))
}

/// Milliseconds of `reset`, and of taking and restoring a snapshot, with this many tokens.
pub(crate) async fn control_calls(
    program: &str,
    tokens: usize,
    pin: bool,
) -> Result<Value, String> {
    const TIMES: usize = 15;
    let mut server = Arc::new(Subject::server("server", program, &[], pin).await?);
    let mut took = [Vec::new(), Vec::new(), Vec::new()];
    issue_tokens(&mut server, tokens).await?;
    let mut control = server.control().await?;
    for _ in 0..TIMES {
        took[0].push(timed(&mut control, "/_mock/snapshots/full").await?);
        took[1].push(timed(&mut control, "/_mock/snapshots/full/restore").await?);
    }
    for _ in 0..TIMES {
        took[2].push(timed(&mut control, "/_mock/reset").await?);
        timed(&mut control, "/_mock/snapshots/full/restore").await?;
    }
    let [snapshot, restore, reset] = took.map(median);
    Ok(json!({ "tokens": tokens, "snapshot": snapshot, "restore": restore, "reset": reset }))
}

async fn timed(control: &mut Control, path: &str) -> Result<f64, String> {
    let began = now();
    control.ask("POST", path, &json!({})).await?;
    Ok(milliseconds(began.elapsed()))
}

/// Issues this many tokens, access and refresh tokens in equal parts, and stores some access tokens for requests. Returns
/// the tokens per second.
pub(crate) async fn issue_tokens(subject: &mut Arc<Subject>, tokens: usize) -> Result<f64, String> {
    let pairs = tokens / 2;
    let holders = HOLDERS.min(pairs.max(1));
    let mut control = subject.control().await?;
    for number in 0..holders {
        let user = json!({ "username": format!("holder{number}"), "email": format!("{}@example.com", person(number)) });
        control.ask("POST", "/_mock/users", &user).await?;
    }
    let began = now();
    let mut running = JoinSet::new();
    for issuer in 0..ISSUERS {
        let (client, address) = (subject.client_id, subject.child.address);
        running.spawn(async move {
            let mut control = Control::open(address).await?;
            let mut used = Vec::new();
            let every = (pairs / MAX_USED_TOKENS).max(1);
            for number in (issuer..pairs).step_by(ISSUERS) {
                let holder = format!("holder{}", number % holders);
                let asked = json!({ "client_id": client, "user": holder, "scope": 1, "expires_in": 86_400 });
                let issued = control.ask("POST", "/_mock/tokens", &asked).await?;
                if (number / ISSUERS).is_multiple_of(every) {
                    used.extend(issued["access_token"].as_str().map(str::to_owned));
                }
            }
            Ok::<_, String>(used)
        });
    }
    let mut used = Vec::new();
    while let Some(done) = running.join_next().await {
        used.extend(done.map_err(|error| error.to_string())??);
    }
    let subject = Arc::get_mut(subject).ok_or("an issuer outlived its work")?;
    subject.tokens = used;
    Ok(float(pairs * 2) / seconds_since(began))
}

fn seconds_since(began: Instant) -> f64 {
    began.elapsed().as_secs_f64()
}

/// Seconds for building the program from nothing but the downloaded crates.
pub(crate) async fn build() -> Result<f64, String> {
    let folder = std::env::temp_dir().join(format!("load-build-{}", std::process::id()));
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--locked", "--quiet", "--package"]);
    command.arg("civitai-oauth-mock").kill_on_drop(true);
    command.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    command.env("CARGO_TARGET_DIR", &folder);
    let began = now();
    let done = command.status().await;
    let took = seconds_since(began);
    drop(std::fs::remove_dir_all(&folder));
    match done {
        Ok(status) if status.success() => Ok(took),
        _ => Err("cargo build failed".to_owned()),
    }
}
