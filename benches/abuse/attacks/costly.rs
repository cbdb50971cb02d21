//! Requests that are cheap to send and costly to answer.

use std::sync::Arc;

use serde_json::{Value, json};

use super::rows::authorize_query;
use crate::client::{CLIENT, FEW, FORM, JSON, Target, get, request};

/// Everything that a token may be good for in these attacks.
const FULL_ACCESS: u32 = 33_554_431;

const WORKFLOWS: &str = "/v2/consumer/workflows";

/// An access token of the demo user for the demo client. Errors: none is issued.
async fn access_token(target: &Target, sandbox: &str) -> Result<String, String> {
    let grant = json!({ "client_id": CLIENT, "user": "ada", "scope": FULL_ACCESS });
    let path = format!("{sandbox}/_mock/tokens");
    let issued = target.control("POST", &path, &grant).await?;
    let token = issued["access_token"].as_str().map(str::to_owned);
    token.ok_or_else(|| format!("no token was issued: {issued}"))
}

fn submit(sandbox: &str, token: &str, workflow: &Value) -> Vec<u8> {
    let bearer = format!("Bearer {token}");
    let headers = [("Content-Type", JSON), ("Authorization", &*bearer)];
    let path = format!("{sandbox}{WORKFLOWS}");
    request("POST", &path, &headers, workflow.to_string().as_bytes())
}

/// Each step of three bytes is stored, and answered with some 200 bytes.
pub(crate) async fn workflow_steps(target: Arc<Target>) -> Result<(), String> {
    let token = access_token(&target, "").await?;
    let workflow = json!({ "cost": 0, "steps": vec![json!({}); 120_000] });
    let request = submit("", &token, &workflow);
    let count = target.either(100, 20);
    target.flood(count, FEW, move |_| request.clone()).await;
    Ok(())
}

/// February never has 30 days: the search for the last reset of such a budget runs until the calendar ends.
pub(crate) async fn budgets(target: Arc<Target>) -> Result<(), String> {
    let sandbox = "/_sandbox/budgets";
    let token = access_token(&target, sandbox).await?;
    let budget = json!({ "type": "rollover", "limit": 1000, "cron": "0 0 30 2 *" });
    let consent = json!({
        "user": "ada", "client_id": CLIENT, "scope": FULL_ACCESS, "buzz_limit": vec![budget; 5000],
    });
    let path = format!("{sandbox}/_mock/consents");
    if let Err(refused) = target.control("POST", &path, &consent).await {
        // A server that takes no such consent is not attacked by one.
        return if refused.contains(": 4") {
            Ok(())
        } else {
            Err(refused)
        };
    }
    let request = submit(sandbox, &token, &json!({ "cost": 1 }));
    let count = target.either(40, 8);
    target.flood(count, FEW, move |_| request.clone()).await;
    Ok(())
}

/// Each expectation is looked for in the whole journal.
pub(crate) async fn expectations(target: Arc<Target>) -> Result<(), String> {
    let expectations = json!(vec![json!({ "path": "/x" }); 30_000]).to_string();
    let verify = request("POST", "/_mock/verify", &[], expectations.as_bytes());
    let count = target.either(8, 2);
    target.flood(count, 2, move |_| verify.clone()).await;
    Ok(())
}

/// A code is stored with its nonce, as long as it lives.
pub(crate) async fn nonces(target: Arc<Target>) -> Result<(), String> {
    let form = format!(
        "{}&approved=true&nonce={}",
        authorize_query(CLIENT),
        "n".repeat(500_000)
    );
    let headers = [("Content-Type", FORM), ("X-Mock-User", "ada")];
    let path = "/api/auth/oauth/authorize";
    let authorize = request("POST", path, &headers, form.as_bytes());
    let count = target.either(3000, 800);
    target.flood(count, FEW, move |_| authorize.clone()).await;
    Ok(())
}

/// Some as long as a client id may be, so that each registers a client; the others as long as a target may be.
pub(crate) async fn client_ids(target: Arc<Target>) -> Result<(), String> {
    let count = target.either(15_000, 7_000);
    target
        .flood(count, FEW, move |at| {
            let bytes = if at % 2 == 0 { 255 } else { 30_000 };
            let query = authorize_query(&format!("{at:x>bytes$}"));
            let path = format!("/api/auth/oauth/authorize?{query}");
            get(&path, &[("X-Mock-User", "ada")])
        })
        .await;
    Ok(())
}
