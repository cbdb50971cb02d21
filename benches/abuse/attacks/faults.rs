//! Faults, which the owner of the server sets, and clients that exploit them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::client::{FEW, FORM, TOKEN, Target, post};

const LARGE: usize = 500_000;

pub(crate) async fn large_body(target: Arc<Target>) -> Result<(), String> {
    let effect = json!({ "status": 503, "body": "x".repeat(LARGE) });
    target.add_fault("large", &effect).await?;
    let count = target.either(4000, 1000);
    target
        .flood(count, FEW, |_| {
            post(&format!("/_sandbox/large{TOKEN}"), FORM, b"grant_type=none")
        })
        .await;
    Ok(())
}

pub(crate) async fn hang_ups(target: Arc<Target>) -> Result<(), String> {
    target
        .add_fault("delayed", &json!({ "delay": "20s" }))
        .await?;
    let body = ["a=", &"x".repeat(LARGE)].concat();
    let request: Arc<[u8]> =
        post(&format!("/_sandbox/delayed{TOKEN}"), FORM, body.as_bytes()).into();
    let callers = target.either(1500, 800);
    let mut calling = JoinSet::new();
    for _ in 0..callers {
        if calling.len() >= 2 * FEW {
            calling.join_next().await;
        }
        let (target, request) = (Arc::clone(&target), Arc::clone(&request));
        calling.spawn(async move {
            if let Some(caller) = target.hold(&request).await {
                // Until the server has read it, more or less.
                sleep(Duration::from_millis(10)).await;
                drop(caller);
            }
        });
    }
    while calling.join_next().await.is_some() {}
    Ok(())
}
