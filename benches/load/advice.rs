//! The cost of advice: throughput of other requests while one client computes advice without pause, on the shared
//! core.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::{self, Sample, median};
use crate::options::Options;
use crate::subject::Subject;
use crate::worker::Scenario;
use harness::http::Connection;
use harness::{milliseconds, now};

/// Who asks userinfo meanwhile.
const CALLERS: usize = 16;
/// How often one advice is timed.
const TIMES: usize = 15;
/// So long they sign in until the journal is full, and more.
const FILLING: Duration = Duration::from_secs(3);

/// What was measured.
pub(crate) struct Cost {
    /// Milliseconds of one advice over a journal that is full.
    pub(crate) one: f64,
    /// The longest that a request took while advice was asked for the first time, in milliseconds.
    pub(crate) stalled: f64,
    /// How much longer the middle request takes while advice is asked for without a pause.
    pub(crate) beside: f64,
    pub(crate) json: Value,
}

pub(crate) async fn cost(options: &Options, pin: bool) -> Result<Cost, String> {
    let mut server = Subject::server("server", &options.program, &[], pin).await?;
    server.sign_in(CALLERS).await?;
    let server = Arc::new(server);
    let mut control = server.control().await?;
    // The journal has only requests of apps, and advice has not been computed yet.
    let (mut first, mut stalled) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        control.ask("DELETE", "/_mock/requests", &json!({})).await?;
        measure::sample(&server, (Scenario::Flow, CALLERS), FILLING).await?;
        let took = advise_beside(&server).await?;
        first.push(took.0);
        stalled.push(took.1);
    }
    let advice = control.ask("GET", "/_mock/advice", &json!({})).await?;
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let began = now();
        control.ask("GET", "/_mock/advice", &json!({})).await?;
        took.push(milliseconds(began.elapsed()));
    }
    let (alone, beside) = beside_advice(&server, options).await?;
    let middle = |samples: &[Sample], value: fn(&Sample) -> f64| median(samples.iter().map(value));
    let p50 = (
        middle(&alone, |one| one.p50),
        middle(&beside, |one| one.p50),
    );
    let p99 = (
        middle(&alone, |one| one.p99),
        middle(&beside, |one| one.p99),
    );
    let (one, stalled) = (median(took), median(stalled));
    Ok(Cost {
        one,
        stalled,
        beside: p50.1 / p50.0,
        json: json!({
            "requests": advice["requests"],
            "evicted": advice["evicted"],
            "milliseconds": { "first": median(first), "later": one, "longest_request_beside_the_first": stalled },
            "userinfo_microseconds": {
                "alone": { "p50": p50.0, "p99": p99.0 },
                "beside": { "p50": p50.1, "p99": p99.1 },
            },
        }),
    })
}

/// Requests with nothing beside them, and while advice is asked for without a pause.
async fn beside_advice(
    server: &Arc<Subject>,
    options: &Options,
) -> Result<(Vec<Sample>, Vec<Sample>), String> {
    let cell = (Scenario::Userinfo, CALLERS);
    let span = Duration::from_secs_f64(options.seconds);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        alone.push(measure::sample(server, cell, span).await?);
        let mut control = server.control().await?;
        let asking = tokio::spawn(async move {
            loop {
                if let Err(error) = control.ask("GET", "/_mock/advice", &json!({})).await {
                    return error;
                }
            }
        });
        beside.push(measure::sample(server, cell, span).await?);
        if asking.is_finished() {
            return Err(asking.await.unwrap_or_else(|error| error.to_string()));
        }
        asking.abort();
    }
    Ok((alone, beside))
}

/// Milliseconds of one advice, and of the longest of the requests that were answered meanwhile, one after another.
async fn advise_beside(server: &Subject) -> Result<(f64, f64), String> {
    let mut control = server.control().await?;
    let asking = tokio::spawn(async move {
        let began = now();
        let answered = control.ask("GET", "/_mock/advice", &json!({})).await;
        answered.map(|_| milliseconds(began.elapsed()))
    });
    // Each of these requests is recorded in the journal that advice reads.
    let opened = Connection::open(server.child.address).await;
    let (mut other, mut longest) = (opened.map_err(|error| error.to_string())?, 0_f64);
    while !asking.is_finished() {
        let began = now();
        let asked = other.ask(b"GET /api/auth/oauth/userinfo HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        asked.await.map_err(|error| error.to_string())?;
        longest = longest.max(milliseconds(began.elapsed()));
    }
    let took = asking.await.map_err(|error| error.to_string())?;
    Ok((took?, longest))
}
