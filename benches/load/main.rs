//! Measures speed and size of the whole server, beside a server that only returns constants (the ceiling) and beside
//! the test doubles in use today. Only ratios within one run are comparable: absolute figures depend on the machine
//! and the day. `docs/development/benchmarks.md` has the commands.

#![expect(
    clippy::print_stdout,
    reason = "a program that prints its measurements"
)]

mod advice;
mod ceiling;
mod measure;
mod options;
mod page;
mod report;
mod standing;
mod subject;
mod targets;
mod worker;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;
use tokio::runtime;
use tokio::signal::unix::{SignalKind, signal};

use harness::child;
use measure::{Plan, Row};
use options::Options;
use subject::Subject;
use targets::Target;
use worker::Scenario;

const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = if arguments == ["ceiling"] {
        // As many threads as the measured program takes.
        let runtime = runtime::Builder::new_multi_thread().enable_all().build();
        let served = runtime.and_then(|runtime| runtime.block_on(ceiling::serve()));
        served.map(|()| true).map_err(|error| error.to_string())
    } else {
        Options::read(arguments).and_then(|options| {
            let runtime = runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| error.to_string())?;
            runtime.block_on(until_interrupted(&options))
        })
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs all parts. On a signal, the future is dropped, and every process that it started is killed.
async fn until_interrupted(options: &Options) -> Result<bool, String> {
    let handler = |kind| signal(kind).map_err(|error| error.to_string());
    let mut interrupt = handler(SignalKind::interrupt())?;
    let mut terminate = handler(SignalKind::terminate())?;
    tokio::select! {
        done = run(options) => done,
        _ = interrupt.recv() => Err("interrupted".to_owned()),
        _ = terminate.recv() => Err("ended".to_owned()),
    }
}

/// The results of all parts.
#[derive(Default)]
struct Findings {
    speed: Vec<Row>,
    targets: Vec<Target>,
    json: serde_json::Map<String, Value>,
}

/// Returns whether all floors are reached, or `--check` is not given.
async fn run(options: &Options) -> Result<bool, String> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pin = cores > 1 && child::pin_generator().await.is_ok();
    println!(
        "{}: {cores} cores, {}",
        options.program,
        if pin {
            "one for the servers, one for the generator"
        } else {
            "shared by servers and generator"
        }
    );
    let mut found = Findings::default();
    found.json.insert("cores".to_owned(), cores.into());
    found.json.insert("pinned".to_owned(), pin.into());
    if options.wants("standing") {
        standing(options, pin, &mut found).await?;
    }
    if options.wants("speed") {
        speed(options, pin, &mut found).await?;
    }
    if options.wants("tokens") {
        many_tokens(options, pin, &mut found).await?;
    }
    if options.wants("advice") {
        let cost = advice::cost(options, pin).await?;
        println!("advice: {}", cost.json);
        found.targets.extend(targets::of_advice(&cost));
        found.json.insert("advice".to_owned(), cost.json);
    }
    println!("\n{}", report::targets_table(&found.targets));
    if let Some(file) = &options.page {
        let setting = page::Setting::read(&options.program, cores).await?;
        let page = page::markdown(&setting, &found.speed, &found.targets);
        std::fs::write(file, page).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    let targets = report::targets_as_json(&found.targets);
    found.json.insert("targets".to_owned(), targets);
    harness::report::write(&options.json, &Value::Object(found.json))?;
    let below: Vec<&Target> = found
        .targets
        .iter()
        .filter(|one| !one.is_above_floor())
        .collect();
    for target in &below {
        eprintln!(
            "load: {}: {:.1}{} is below the floor",
            target.what, target.measured, target.unit
        );
    }
    Ok(!options.check || below.is_empty())
}

/// Start, memory, size, and the control calls between tests.
async fn standing(options: &Options, pin: bool, found: &mut Findings) -> Result<(), String> {
    let program = options.program.as_str();
    let size = std::fs::metadata(program).map_err(|error| format!("{program}: {error}"))?;
    let size = harness::float(usize::try_from(size.len()).unwrap_or_default());
    let starts = standing::starts(program, options.starts).await?;
    let slowest = starts.iter().map(|one| one.0).fold(0.0, f64::max);
    println!("slowest of {} starts: {slowest:.1} ms", starts.len());
    found.targets.extend(targets::of_standing(&starts, size));
    let sandboxes = standing::sandboxes(program, options.sandboxes, pin).await?;
    println!("with sandboxes: {sandboxes}");
    let mut control_calls = Vec::new();
    for tokens in [20, 6000] {
        let took = standing::control_calls(program, tokens, pin).await?;
        println!("milliseconds: {took}");
        control_calls.push(took);
    }
    let mut json =
        json!({ "slowest_start": slowest, "sandboxes": sandboxes, "control": control_calls });
    if options.build {
        let seconds = standing::build().await?;
        println!("cargo build --release, from nothing: {seconds:.0} s");
        json["build_seconds"] = seconds.into();
    }
    found.json.insert("standing".to_owned(), json);
    Ok(())
}

/// The server, the ceiling and the peers, in turn.
async fn speed(options: &Options, pin: bool, found: &mut Findings) -> Result<(), String> {
    let plan = Plan {
        cells: cells(options),
        rounds: options.rounds,
        span: Duration::from_secs_f64(options.seconds),
        fresh: true,
    };
    let mut subjects = vec![
        Subject::server("server", &options.program, &[], pin).await?,
        Subject::on_file(&options.program, pin).await?,
        Subject::ceiling(pin).await?,
    ];
    if options.peers && peers_are_there(options.quick).await {
        subjects.push(Subject::oauth2_mock_server(Path::new(PEERS), pin).await?);
        subjects.push(Subject::oidc_provider(Path::new(PEERS), pin).await?);
    }
    let mut subjects: Vec<Arc<Subject>> = subjects.into_iter().map(Arc::new).collect();
    let rows = measured(&mut subjects, &plan, "ceiling").await?;
    for subject in subjects.iter().filter(|subject| !subject.note.is_empty()) {
        println!("{}: {}", subject.name, subject.note);
    }
    found
        .targets
        .extend(targets::of_speed(&rows, plan.most_callers()));
    found
        .json
        .insert("speed".to_owned(), report::rows_as_json(&rows));
    found.speed = rows;
    Ok(())
}

fn cells(options: &Options) -> Vec<(Scenario, usize)> {
    let callers: &[usize] = if options.quick { &[64] } else { &[1, 16, 64] };
    let wanted = |scenario| options.scenario.is_none_or(|only| only == scenario);
    let all = Scenario::ALL.into_iter().filter(|one| wanted(*one));
    all.flat_map(|scenario| callers.iter().map(move |callers| (scenario, *callers)))
        .collect()
}

async fn measured(
    subjects: &mut [Arc<Subject>],
    plan: &Plan,
    reference: &str,
) -> Result<Vec<Row>, String> {
    let samples = measure::rounds(subjects, plan).await?;
    let rows = measure::rows(&samples, reference);
    report::speed(&rows, reference);
    Ok(rows)
}

/// Whether npm's packages are there; unless it must be quick, they are installed.
async fn peers_are_there(quick: bool) -> bool {
    if Path::new(PEERS).join("node_modules/.bin/node").exists() {
        return true;
    }
    if quick {
        println!("the peers are left out: npm install --prefix benches/peers puts them there");
        return false;
    }
    let install = [
        "install",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--prefix",
        PEERS,
    ];
    let done = Command::new("npm").args(install).status().await;
    let installed = done.is_ok_and(|status| status.success());
    if !installed {
        println!("the peers are left out: npm cannot install them");
    }
    installed
}

/// A server that holds many live tokens beside one that holds a thousand.
async fn many_tokens(options: &Options, pin: bool, found: &mut Findings) -> Result<(), String> {
    const FEW: &str = "1,000 tokens";
    const MANY: &str = "many tokens";
    let plan = Plan {
        cells: [Scenario::Userinfo, Scenario::Refresh, Scenario::Flow]
            .map(|scenario| (scenario, 16))
            .into(),
        rounds: options.rounds,
        span: Duration::from_secs_f64(options.seconds),
        fresh: false,
    };
    let mut subjects = Vec::new();
    let mut json = json!({});
    for (name, tokens) in [(FEW, 1000), (MANY, options.tokens)] {
        let mut server = Subject::server(name, &options.program, &[], pin).await?;
        server.sign_in(plan.most_callers()).await?;
        let mut server = Arc::new(server);
        let speed = standing::issue_tokens(&mut server, tokens).await?;
        let memory = server.child.resident_megabytes();
        println!("{tokens} tokens: {memory:.1} MB, issued at {speed:.0} a second");
        json[name] = json!({ "count": tokens, "megabytes": memory, "issued_per_second": speed });
        subjects.push(server);
    }
    let rows = measured(&mut subjects, &plan, FEW).await?;
    found.targets.extend(targets::of_many_tokens(&rows, MANY));
    json["speed"] = report::rows_as_json(&rows);
    found.json.insert("tokens".to_owned(), json);
    Ok(())
}
