//! Unbounded creation of rows, keys and sandboxes.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::client::{CLIENT, FEW, FORM, JSON, TOKEN, Target, get, post, request};

/// The default limit of sandboxes.
const MOST_SANDBOXES: usize = 10_000;

/// What a browser sends with a request of a hostile page.
const CROSS_SITE: [(&str, &str); 2] = [
    ("Sec-Fetch-Site", "cross-site"),
    ("Origin", "https://evil.example"),
];

pub(crate) async fn refused_sandboxes(target: Arc<Target>) -> Result<(), String> {
    target
        .flood(MOST_SANDBOXES, FEW, |at| {
            get(&format!("/_sandbox/evil-{at}/_mock/users"), &CROSS_SITE)
        })
        .await;
    // Errors: the owner finds no room.
    let users = "/_sandbox/owner/_mock/users";
    target.control("GET", users, &json!(null)).await.map(|_| ())
}

pub(crate) async fn rate_limit_keys(target: Arc<Target>) -> Result<(), String> {
    let settings = json!({ "rate_limits": true, "contract": "live" });
    let path = "/_sandbox/limited/_mock/settings";
    target.control("PATCH", path, &settings).await?;
    let padding = "x".repeat(60_000);
    let count = target.either(15_000, 8_000);
    target
        .flood(count, FEW, move |at| {
            let address = format!("{at}{padding}");
            let headers = [("Content-Type", FORM), ("X-Forwarded-For", &*address)];
            let path = format!("/_sandbox/limited{TOKEN}");
            request("POST", &path, &headers, b"grant_type=none")
        })
        .await;
    Ok(())
}

pub(crate) async fn login_names(target: Arc<Target>) -> Result<(), String> {
    let count = target.either(20_000, 6_000);
    target
        .flood(count, FEW, |at| {
            let headers = [&[("Content-Type", FORM)], &CROSS_SITE[..]].concat();
            let name = format!("name=mallory{at}");
            request("POST", "/login", &headers, name.as_bytes())
        })
        .await;
    for _ in 0..target.either(20, 5) {
        target.ask_once(&get("/login", &[])).await;
    }
    Ok(())
}

pub(crate) async fn snapshots(target: Arc<Target>) -> Result<(), String> {
    // An access and a refresh token each.
    let grant = json!({ "client_id": CLIENT, "user": "ada", "scope": 1 }).to_string();
    target
        .flood(500, FEW, move |_| {
            post("/_sandbox/many/_mock/tokens", FORM, grant.as_bytes())
        })
        .await;
    let count = target.either(5000, 2000);
    target
        .flood(count, FEW, |at| {
            post(&format!("/_sandbox/many/_mock/snapshots/{at}"), FORM, b"")
        })
        .await;
    Ok(())
}

/// What an app sends a browser to authorize with.
pub(crate) fn authorize_query(client: &str) -> String {
    format!(
        "response_type=code&client_id={client}&scope=1&state=xyz\
         &redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
    )
}

pub(crate) async fn of_every_kind(target: Arc<Target>) -> Result<(), String> {
    let authorize = |client: &str| {
        let path = format!("/api/auth/oauth/authorize?{}", authorize_query(client));
        get(&path, &[("X-Mock-User", "ada")])
    };
    let count = target.either(50_000, 12_000);
    target
        .flood(count, FEW, move |at| match at % 4 {
            0 => {
                let form = format!("client_id={CLIENT}&scope=1");
                post("/api/auth/oauth/device", FORM, form.as_bytes())
            }
            1 => authorize(CLIENT),
            2 => authorize(&format!("unknown-{at}")),
            _ => post("/login", FORM, b"user=1"),
        })
        .await;
    Ok(())
}

/// Each of these calls is within the bound of one body.
pub(crate) async fn of_the_control_api(target: Arc<Target>) -> Result<(), String> {
    let text = "x".repeat(480_000);
    let image = format!("https://cdn.example/{text}");
    let count = target.either(3000, 900);
    target
        .flood(count, FEW, move |at| {
            let name = format!("large{at}");
            let user = json!({ "id": at + 1000, "username": name, "image": image });
            let (path, body) = match at % 3 {
                0 => ("/_sandbox/large/_mock/users", user),
                1 => {
                    let effect = json!({ "status": 503, "body": text });
                    let fault = json!({ "endpoint": "token", "effect": effect });
                    ("/_sandbox/large/_mock/faults", fault)
                }
                _ => {
                    let seed = json!({ "users": [user], "clients": [] });
                    ("/_mock/sandboxes", json!({ "name": name, "seed": seed }))
                }
            };
            post(path, FORM, body.to_string().as_bytes())
        })
        .await;
    Ok(())
}

/// Each user is within the bound of one, and all are within the bound of a sandbox.
pub(crate) async fn unread_lists(target: Arc<Target>) -> Result<(), String> {
    let image = format!("https://cdn.example/{}", "x".repeat(7900));
    let count = target.either(2500, 1000);
    target
        .flood(count, FEW, move |at| {
            let user = json!({ "username": format!("listed{at}"), "image": image });
            post("/_mock/users", JSON, user.to_string().as_bytes())
        })
        .await;
    let list = get("/_mock/users", &[]);
    let mut readers = Vec::new();
    for _ in 0..60 {
        readers.extend(target.hold(&list).await);
    }
    let time = Duration::from_secs(target.either(8, 2));
    target.keep(readers, time).await;
    Ok(())
}
