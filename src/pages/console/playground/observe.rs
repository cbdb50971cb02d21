//! Steps of the browser, from the journal: the app itself does not see these requests.

use axum::http::StatusCode;

use super::client::{CapturedExchange, cut, push, quoted};
use super::run::{Check, Flow, PlaygroundRun, Step};
use crate::control::{Endpoint, JournalRequest, RequestQuery};
use crate::http::context::RequestContext;

/// The most browser steps between two actions of the app.
const MAX_NEW_STEPS: usize = 6;

/// The most requests that are searched, the newest.
const MAX_SEARCHED: usize = 200;

/// The title of the step in which the user approves a device.
const DEVICE_APPROVED: &str = "The user approves the device";

/// Adds the requests of the browser since the last step.
pub(crate) async fn add_browser_steps(context: &RequestContext, run: &mut PlaygroundRun) {
    let query = RequestQuery::any()
        .after(run.seen_until)
        .limit(MAX_SEARCHED)
        .unredacted();
    // A search without a filter cannot be invalid; while the journal is busy, the steps are added the next time.
    let Ok(found) = context.sandbox.list_requests(query).await else {
        return;
    };
    let last = found.requests.iter().map(|one| one.id).max();
    run.seen_until = last.unwrap_or(run.seen_until);
    let known: Vec<u64> = run
        .steps
        .iter()
        .filter_map(|step| step.exchange.id)
        .collect();
    let steps: Vec<Step> = found
        .requests
        .iter()
        .filter(|one| !known.contains(&one.id))
        .filter_map(|one| step(context, run, one))
        .collect();
    let first = steps.len().saturating_sub(MAX_NEW_STEPS);
    for step in steps.into_iter().skip(first) {
        run.is_approved |= step.title == DEVICE_APPROVED;
        run.add(step);
    }
}

/// The step of a request, if it belongs to the run.
fn step(context: &RequestContext, run: &PlaygroundRun, one: &JournalRequest) -> Option<Step> {
    let is_post = one.method == "POST";
    let (title, checks) = match (run.flow, one.endpoint) {
        (Flow::AuthorizationCode, Endpoint::Authorize)
            if one.param("state") == Some(&*run.state) =>
        {
            authorization_step(&one.path, is_post)
        }
        (Flow::Device, Endpoint::Device) if is_post => {
            let code = run.user_code.as_ref()?.reveal();
            let typed = crate::protocol::user_code::normalise(one.param("user_code")?);
            if typed != crate::protocol::user_code::normalise(code) {
                return None;
            }
            device_step(one.param("step").unwrap_or_default())
        }
        _ => return None,
    };
    // Requests to the API can be repeated without the browser; those that need its session cannot.
    let repeats = !is_post && one.path.starts_with("/api/");
    let target = target(context, one);
    Some(Step {
        title: title.to_owned(),
        exchange: CapturedExchange {
            id: Some(one.id),
            method: one.method.clone(),
            path: one.path.clone(),
            request: cut(request(&target, one)),
            curl: repeats.then(|| cut(format!("curl -gi {}", quoted(&target)))),
            head: cut(head(one)),
            body: cut(one
                .response_body
                .as_ref()
                .map_or_else(String::new, |answer| {
                    serde_json::to_string_pretty(answer).expect("a JSON value is JSON")
                })),
            is_success: one.error.is_none() && one.status.is_some_and(|status| status < 400),
            json: serde_json::Value::Null,
        },
        checks,
    })
}

fn authorization_step(path: &str, is_post: bool) -> (&'static str, Vec<Check>) {
    match (path.starts_with("/api/"), is_post) {
        (true, false) => (
            "The app sends the browser to authorize",
            vec![Check::new(
                "Users who are not signed in or have not consented are redirected. An error page without a redirect to \
                 the app means that client_id or redirect_uri is wrong.",
                "RFC 6749 §4.1.2.1",
            )],
        ),
        (false, false) => (
            "The consent page",
            vec![Check::new(
                "The user sees the app's name and all requested scopes: request only what you need.",
                "RFC 6749 §3.3",
            )],
        ),
        (true, true) => (
            "The user authorizes",
            vec![Check::new(
                "Location is the redirect URI with code and state: the app receives nothing else.",
                "RFC 6749 §4.1.2",
            )],
        ),
        (false, true) => (
            "The user denies access",
            vec![Check::new(
                "Location is the redirect URI with error and state, without a code.",
                "RFC 6749 §4.1.2.1",
            )],
        ),
    }
}

fn device_step(step: &str) -> (&'static str, Vec<Check>) {
    match step {
        "approve" => (
            DEVICE_APPROVED,
            vec![Check::new(
                "The device learns of the approval with its next poll.",
                "RFC 8628 §3.4",
            )],
        ),
        "deny" => (
            "The user denies the device",
            vec![Check::new(
                "The next poll returns access_denied: stop polling.",
                "RFC 8628 §3.5",
            )],
        ),
        _ => (
            "The user enters the code",
            vec![Check::new(
                "The user compares the code, the app's name and the scopes with what the device shows.",
                "RFC 8628 §5.4",
            )],
        ),
    }
}

fn pairs(one: &JournalRequest) -> Vec<(&str, String)> {
    let text = |value: &serde_json::Value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let pairs = one.params.iter();
    pairs.map(|(name, value)| (&**name, text(value))).collect()
}

fn target(context: &RequestContext, one: &JournalRequest) -> String {
    let base = &context.base;
    if one.method == "POST" {
        return format!("{base}{}", one.path);
    }
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs(one))
        .finish();
    format!("{base}{}?{query}", one.path)
}

fn request(target: &str, one: &JournalRequest) -> String {
    let mut shown = format!("{} {target}", one.method);
    if one.method == "POST" {
        shown += "\nContent-Type: application/x-www-form-urlencoded\n";
        for (name, value) in pairs(one) {
            push(&mut shown, format_args!("\n{name}={value}"));
        }
    }
    shown
}

fn head(one: &JournalRequest) -> String {
    let status = one
        .status
        .and_then(|status| StatusCode::from_u16(status).ok());
    let mut head = status.map_or_else(
        || "The connection was closed without a response.".to_owned(),
        |status| status.to_string(),
    );
    if let Some(location) = &one.location {
        push(&mut head, format_args!("\nlocation: {location}"));
    }
    head
}
