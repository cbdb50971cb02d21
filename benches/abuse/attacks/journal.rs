//! The journal: what it stores, and what it costs to read.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{FEW, FORM, JSON, TOKEN, Target, get, post};

/// The default capacity of a journal.
const CAPACITY: usize = 10_000;

/// Who reads the whole journal at once, secrets and all.
pub(crate) const WHOLE_JOURNAL: &str = "/_mock/requests?unredacted=true";

/// Fills the journal of the default sandbox: as many exchanges as it keeps, about 4 kB each.
pub(crate) async fn fill(target: &Arc<Target>) {
    let fields: Vec<String> = (0..4)
        .map(|at| format!("f{at}={}", "x".repeat(950)))
        .collect();
    let exchange = post(TOKEN, FORM, fields.join("&").as_bytes());
    target.flood(CAPACITY, FEW, move |_| exchange.clone()).await;
}

/// The bodies stay below 8 kB, up to which an exchange is stored as it came and parsed when it is read.
pub(crate) async fn unfolded(target: Arc<Target>) -> Result<(), String> {
    let list = format!("[{}]", vec!["[]"; 100].join(","));
    let body = json!({ "a": vec![list; 25] }).to_string();
    let body = body.replace("\"[", "[").replace("]\"", "]");
    let request = post(TOKEN, JSON, body.as_bytes());
    let count = target.either(12_000, 8_000);
    target.flood(count, FEW, move |_| request.clone()).await;
    target.ask_once(&get("/_mock/requests", &[])).await;
    Ok(())
}

/// What the journal cuts is a text or an object; a list of 100 texts of 4 kB is stored whole.
pub(crate) async fn of_many_sandboxes(target: Arc<Target>) -> Result<(), String> {
    let body = json!({ "a": vec!["x".repeat(4000); 100] }).to_string();
    let count = target.either(2000, 900);
    target
        .flood(count, FEW, move |at| {
            post(&format!("/_sandbox/s{at}{TOKEN}"), JSON, body.as_bytes())
        })
        .await;
    Ok(())
}

pub(crate) async fn advice(target: Arc<Target>) -> Result<(), String> {
    let callers = target.either(200, 40);
    target
        .flood(callers, callers, |_| get("/_mock/advice", &[]))
        .await;
    Ok(())
}

pub(crate) async fn long_polls(target: Arc<Target>) -> Result<(), String> {
    let mut polls = Vec::new();
    let poll = get("/_mock/requests?wait=60s&count=100000000", &[]);
    for _ in 0..50 {
        polls.extend(target.hold(&poll).await);
    }
    let count = target.either(4000, 400);
    target
        .flood(count, FEW, |_| post(TOKEN, FORM, b"grant_type=none"))
        .await;
    target.keep(polls, Duration::ZERO).await;
    Ok(())
}

pub(crate) async fn event_streams(target: Arc<Target>) -> Result<(), String> {
    let mut listeners = Vec::new();
    let listen = get("/_mock/events", &[]);
    for _ in 0..500 {
        listeners.extend(target.hold(&listen).await);
    }
    let field = format!("a={}", "x".repeat(4000));
    let request = post(TOKEN, FORM, field.as_bytes());
    let count = target.either(4000, 400);
    target.flood(count, FEW, move |_| request.clone()).await;
    target.keep(listeners, Duration::from_secs(1)).await;
    // The dashboard must still be served afterwards.
    let listed: Value = target.control("GET", "/_mock/faults", &json!(null)).await?;
    listed
        .get("faults")
        .map(|_| ())
        .ok_or_else(|| format!("no faults are listed: {listed}"))
}
