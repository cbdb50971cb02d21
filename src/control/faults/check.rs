//! Validation of faults: rejects those that can never apply, and contradicting effects.

use serde_json::Value;

use super::super::filter::check_grant;
use crate::invalid::Invalid;
use crate::protocol::duration::SignedDuration;
use crate::protocol::endpoint::Endpoint;
use crate::sandbox::faults::{Delay, Effect, Fault};

/// The checks beyond the types.
pub(crate) fn check(fault: &Fault) -> Result<(), Invalid> {
    if fault.effect == Effect::default() {
        return Err(Invalid::new("effect", "the effect is empty").with_hint(
            "give error, status, body, headers, delay, reset_connection, truncate_body, malformed_json, slow_body or deny_consent",
        ));
    }
    check_aim(fault)?;
    check_budget(fault)?;
    check_effect(&fault.effect)?;
    check_headers(&fault.effect)?;
    check_delay(&fault.effect)
}

fn check_aim(fault: &Fault) -> Result<(), Invalid> {
    check_grant(fault.endpoint, fault.grant_type)?;
    if let Some(endpoint) = fault.endpoint
        && fault.effect.deny_consent
        && endpoint != Endpoint::Authorize
    {
        let message = format!("the endpoint \"{endpoint}\" does not ask for consent");
        return Err(Invalid::new("effect.deny_consent", message)
            .with_hint("use the endpoint \"authorize\", or omit effect.deny_consent"));
    }
    Ok(())
}

fn check_budget(fault: &Fault) -> Result<(), Invalid> {
    for (path, number) in [("nth", fault.nth), ("times", fault.times)] {
        if number == Some(0) {
            return Err(
                Invalid::new(path, "with 0 the fault never applies").with_hint("use 1 or more")
            );
        }
    }
    if let (Some(nth), Some(skip)) = (fault.nth, fault.skip)
        && nth <= skip
    {
        let message = format!(
            "nth {nth} is not greater than skip {skip}, so the fault never applies: both count all matching requests"
        );
        return Err(Invalid::new("nth", message).with_hint("omit nth or skip"));
    }
    if let Some(chance) = fault.probability
        && !(chance > 0.0 && chance <= 1.0)
    {
        let error = if chance == 0.0 {
            "with 0 the fault never applies".to_owned()
        } else {
            format!("{chance} is not between 0 and 1")
        };
        return Err(Invalid::new("probability", error)
            .with_hint("use a number greater than 0 and at most 1"));
    }
    Ok(())
}

fn check_effect(effect: &Effect) -> Result<(), Invalid> {
    if let Some(status) = effect.status
        && !(200..=599).contains(&status)
    {
        return Err(Invalid::new(
            "effect.status",
            format!("{status} is not a status from 200 to 599"),
        ));
    }
    if effect.error_description.is_some() && effect.error.is_none() {
        return Err(Invalid::new(
            "effect.error_description",
            "error_description requires error",
        )
        .with_hint("add effect.error"));
    }
    check_bodiless(effect)?;
    let given = [
        ("error", effect.error.is_some()),
        ("status", effect.status.is_some()),
        ("body", effect.body.is_some()),
        ("headers", !effect.headers.is_empty()),
        ("truncate_body", effect.truncate_body),
        ("malformed_json", effect.malformed_json),
        ("slow_body", effect.slow_body),
        ("reset_connection", effect.reset_connection),
        ("deny_consent", effect.deny_consent),
    ];
    let has = |name: &str| given.iter().any(|(key, given)| *key == name && *given);
    for (one, others, reason) in CONTRADICTIONS {
        let other = others.iter().find(|other| has(one) && has(other));
        if let Some(other) = other {
            let message = format!("{one} and {other} contradict each other: {reason}");
            let hint = format!("omit effect.{one} or effect.{other}");
            return Err(Invalid::new(format!("effect.{other}"), message).with_hint(hint));
        }
    }
    Ok(())
}

/// The statuses without a response body (RFC 9110 §15). `malformed_json` is allowed: an empty body is not JSON.
const BODILESS: [u16; 3] = [204, 205, 304];

fn check_bodiless(effect: &Effect) -> Result<(), Invalid> {
    let Some(status) = effect.status.filter(|status| BODILESS.contains(status)) else {
        return Ok(());
    };
    let about_bodies = [
        ("error", effect.error.is_some()),
        ("body", effect.body.is_some()),
        ("truncate_body", effect.truncate_body),
        ("slow_body", effect.slow_body),
    ];
    let Some((name, _)) = about_bodies.iter().find(|(_, given)| *given) else {
        return Ok(());
    };
    let message = format!(
        "status {status} and {name} contradict each other: a {status} response has no body"
    );
    let hint = format!("omit effect.{name}, or use another status");
    Err(Invalid::new(format!("effect.{name}"), message).with_hint(hint))
}

/// An effect, the effects that contradict it, and the reason.
const CONTRADICTIONS: [(&str, &[&str], &str); 4] = [
    (
        "reset_connection",
        &[
            "error",
            "status",
            "body",
            "headers",
            "truncate_body",
            "malformed_json",
            "slow_body",
            "deny_consent",
        ],
        "a reset connection has no response",
    ),
    (
        "truncate_body",
        &["slow_body", "malformed_json"],
        "a body can be cut in only one way",
    ),
    ("body", &["error"], "a response has only one body"),
    (
        "deny_consent",
        &["error", "status", "body"],
        "the response is the user's denial",
    ),
];

const MAX_DELAY: SignedDuration = SignedDuration(10 * 60 * 1000);

fn check_delay(effect: &Effect) -> Result<(), Invalid> {
    let lengths = match effect.delay {
        None => return Ok(()),
        Some(Delay::Fixed(length)) => (length, length),
        Some(Delay::Between { min, max }) => (min, max),
    };
    if lengths.1 < lengths.0 {
        let message = format!("min {} is greater than max {}", lengths.0, lengths.1);
        return Err(Invalid::new("effect.delay", message).with_hint("swap them"));
    }
    if lengths.0.0 < 0 || lengths.1 > MAX_DELAY {
        let outside = if lengths.0.0 < 0 {
            lengths.0
        } else {
            lengths.1
        };
        let message = format!("{outside} is not between 0s and {MAX_DELAY}");
        return Err(Invalid::new("effect.delay", message)
            .with_hint("a number is in seconds; write \"300ms\" for milliseconds"));
    }
    Ok(())
}

/// Headers of the connection (HTTP/1.1). Wrong values would break the server, not the app.
const FRAMING: [&str; 7] = [
    "connection",
    "content-length",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn check_headers(effect: &Effect) -> Result<(), Invalid> {
    for (name, value) in &effect.headers {
        let path = format!("effect.headers.{name}");
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Invalid::new(
                path,
                format!("{name:?} is not a valid header name"),
            ));
        }
        if FRAMING.contains(&name.to_ascii_lowercase().as_str()) {
            let error = Invalid::new(
                path,
                format!("{name:?} is a connection header, which a fault cannot set"),
            );
            return Err(error.with_hint(
                "use truncate_body, slow_body or reset_connection for broken responses",
            ));
        }
        let fits = match value {
            Value::String(text) => text.bytes().all(|byte| byte >= 0x20 && byte != 0x7f),
            Value::Number(_) => true,
            _ => false,
        };
        if !fits {
            return Err(Invalid::new(
                path,
                format!("{value} is not a valid header value: use text"),
            ));
        }
    }
    Ok(())
}
