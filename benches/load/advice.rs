//! What does advice cost, and whom? The rules are asked when somebody wants to know: beside one who asks without a pause,
//! requests are answered as if nobody did, less what the one core has to do for both.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::measure::{self, median, milliseconds, now};
use crate::options::Options;
use crate::subject::Subject;
use crate::worker::Scenario;

/// Who asks userinfo meanwhile.
const CALLERS: usize = 16;
/// How often one advice is timed.
const TIMES: usize = 15;

/// What was measured.
pub(crate) struct Cost {
    /// Milliseconds of one advice over a journal that is full.
    pub(crate) one: f64,
    /// How much longer the middle request takes while advice is asked for without a pause.
    pub(crate) beside: f64,
    pub(crate) json: Value,
}

pub(crate) async fn cost(options: &Options, pin: bool) -> Result<Cost, String> {
    let mut server = Subject::server("server", &options.program, &[], pin).await?;
    server.sign_in(CALLERS).await?;
    let server = Arc::new(server);
    let mut control = server.control().await?;
    // Until the journal holds nothing but what apps do.
    let exchanges = loop {
        measure::sample(
            &server,
            (Scenario::Flow, CALLERS),
            Duration::from_millis(200),
        )
        .await?;
        let advice = control.ask("GET", "/_mock/advice", &json!({})).await?;
        if advice["dropped"].as_u64() > Some(0) {
            break advice["exchanges"].clone();
        }
    };
    let mut took = Vec::new();
    for _ in 0..TIMES {
        let began = now();
        control.ask("GET", "/_mock/advice", &json!({})).await?;
        took.push(milliseconds(began.elapsed()));
    }
    let cell = (Scenario::Userinfo, CALLERS);
    let span = Duration::from_secs_f64(options.seconds);
    let (mut alone, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        alone.push(measure::sample(&server, cell, span).await?);
        let mut control = server.control().await?;
        let asking = tokio::spawn(async move {
            loop {
                if let Err(why) = control.ask("GET", "/_mock/advice", &json!({})).await {
                    return why;
                }
            }
        });
        beside.push(measure::sample(&server, cell, span).await?);
        if asking.is_finished() {
            return Err(asking.await.unwrap_or_else(|why| why.to_string()));
        }
        asking.abort();
    }
    let middle = |samples: &[measure::Sample], value: fn(&measure::Sample) -> f64| {
        median(samples.iter().map(value))
    };
    let p50 = (
        middle(&alone, |one| one.p50),
        middle(&beside, |one| one.p50),
    );
    let p99 = (
        middle(&alone, |one| one.p99),
        middle(&beside, |one| one.p99),
    );
    let one = median(took);
    Ok(Cost {
        one,
        beside: p50.1 / p50.0,
        json: json!({
            "exchanges": exchanges,
            "milliseconds": one,
            "userinfo_microseconds": {
                "alone": { "p50": p50.0, "p99": p99.0 },
                "beside": { "p50": p50.1, "p99": p99.1 },
            },
        }),
    })
}
