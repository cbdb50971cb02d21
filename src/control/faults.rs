//! Faults by control call, and the presets with names that a developer would say.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ControlError, Outcome};
use crate::invalid::{self, Invalid};
use crate::protocol::duration::Length;
use crate::sandbox::Sandbox;
use crate::sandbox::faults::{Delay, Effect, Fault, FaultSpec};
use crate::sandbox::journal::ENDPOINTS;

/// Name, what it is, and the fault as JSON; `clock-skew` is no fault but a moved clock.
pub(crate) const PRESETS: [(&str, &str, &str); 9] = [
    (
        "refresh-revoked",
        "every refresh is refused, as if the user had revoked the app",
        r#"{"endpoint":"token","grant_type":"refresh_token","effect":{"error":"invalid_grant","error_description":"Invalid grant: refresh token is invalid"}}"#,
    ),
    (
        "token-endpoint-down",
        "the token endpoint answers 503",
        r#"{"endpoint":"token","effect":{"status":503,"body":"Service Unavailable"}}"#,
    ),
    (
        "rate-limited",
        "the token endpoint answers 429",
        r#"{"endpoint":"token","effect":{"error":"rate_limited","error_description":"Too many token requests"}}"#,
    ),
    (
        "slow-token",
        "the token endpoint takes 3 s",
        r#"{"endpoint":"token","effect":{"delay":"3s"}}"#,
    ),
    (
        "user-denies",
        "whoever is asked for consent says no",
        r#"{"endpoint":"authorize","effect":{"deny":true}}"#,
    ),
    (
        "code-expires",
        "every code has expired by the time it is exchanged",
        r#"{"endpoint":"token","grant_type":"authorization_code","effect":{"error":"invalid_grant","error_description":"Invalid grant: authorization code has expired"}}"#,
    ),
    (
        "slow-down",
        "a device that polls is told to slow down (RFC 8628 §3.5), which Civitai never says",
        r#"{"endpoint":"device-token","effect":{"error":"slow_down"}}"#,
    ),
    (
        "connection-reset",
        "the token endpoint's connections break",
        r#"{"endpoint":"token","effect":{"reset":true}}"#,
    ),
    (
        CLOCK_SKEW,
        "the server's clock goes 5 minutes ahead; POST clock/advance \"-5m\" takes it back",
        "{}",
    ),
];

const CLOCK_SKEW: &str = "clock-skew";

const SKEW: Length = Length(5 * 60 * 1000);

/// What a preset may be narrowed by.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Narrowing {
    times: Option<u64>,
    client_id: Option<String>,
}

impl Sandbox {
    /// Sets a fault.
    pub(crate) fn create_fault(&self, input: Value) -> Outcome<Fault> {
        let spec: FaultSpec = invalid::from_object(input)?;
        check(&spec)?;
        Ok(self.faults.add(spec))
    }

    /// Sets the fault of that name.
    pub(crate) async fn create_preset(&self, name: &str, input: Value) -> Outcome<Value> {
        let Some((_, meaning, fault)) = PRESETS.iter().find(|(known, ..)| *known == name) else {
            let names = PRESETS.map(|(name, ..)| name);
            let why = Invalid::new("name", format!("no preset {name:?}"));
            let choices = format!("choose among {}", names.join(", "));
            return Err(ControlError::NotFound(
                why.with_nearest(name, names, choices),
            ));
        };
        let narrowing: Narrowing = invalid::from_object(input)?;
        if name == CLOCK_SKEW {
            self.move_clock(SKEW).await?;
            return Ok(json!({ "preset": name, "meaning": meaning, "clock": self.show_clock() }));
        }
        let mut spec: FaultSpec = serde_json::from_str(fault).expect("a test reads every preset");
        spec.times = narrowing.times;
        spec.client_id = narrowing.client_id;
        check(&spec)?;
        let fault = self.faults.add(spec);
        Ok(json!({ "preset": name, "meaning": meaning, "fault": fault }))
    }

    /// The faults that are set.
    pub(crate) fn list_faults(&self) -> Value {
        json!({ "faults": self.faults.list() })
    }

    /// One fault.
    pub(crate) fn read_fault(&self, id: &str) -> Outcome<Fault> {
        let found = self
            .faults
            .list()
            .into_iter()
            .find(|fault| fault.id.to_string() == id);
        found.ok_or_else(|| self.no_fault(id))
    }

    /// Removes one fault.
    pub(crate) fn delete_fault(&self, id: &str) -> Outcome<()> {
        match id.parse() {
            Ok(number) if self.faults.remove(number) => Ok(()),
            _ => Err(self.no_fault(id)),
        }
    }

    /// Removes every fault.
    pub(crate) fn clear_faults(&self) {
        self.faults.clear();
    }

    fn no_fault(&self, id: &str) -> ControlError {
        let ids: Vec<String> = self
            .faults
            .list()
            .iter()
            .map(|fault| fault.id.to_string())
            .collect();
        let why = Invalid::new("id", format!("no fault {id:?}"));
        ControlError::NotFound(if ids.is_empty() {
            why.with_hint("no fault is set")
        } else {
            why.with_hint(format!("there are {}", ids.join(", ")))
        })
    }
}

/// What serde cannot see.
fn check(spec: &FaultSpec) -> Result<(), Invalid> {
    if spec.effect == Effect::default() {
        return Err(Invalid::new("effect", "an effect that does nothing").with_hint(
            "give error, status, body, headers, delay, reset, truncate, malformed, slow_body or deny",
        ));
    }
    if let Some(endpoint) = &spec.endpoint
        && !ENDPOINTS.contains(&endpoint.as_str())
    {
        let why = Invalid::new("endpoint", format!("no endpoint {endpoint:?}"));
        let choices = format!("choose among {}", ENDPOINTS.join(", "));
        return Err(why.with_nearest(endpoint, ENDPOINTS, choices));
    }
    for (path, number) in [("nth", spec.nth), ("times", spec.times)] {
        if number == Some(0) {
            return Err(Invalid::new(path, "0 is never").with_hint("count from 1"));
        }
    }
    if let Some(chance) = spec.probability
        && !(0.0..=1.0).contains(&chance)
    {
        return Err(Invalid::new(
            "probability",
            format!("{chance} is not from 0 to 1"),
        ));
    }
    if let Some(status) = spec.effect.status
        && !(200..=599).contains(&status)
    {
        return Err(Invalid::new(
            "effect.status",
            format!("{status} is not a status from 200 to 599"),
        ));
    }
    if spec.effect.error_description.is_some() && spec.effect.error.is_none() {
        return Err(
            Invalid::new("effect.error_description", "a description of no error")
                .with_hint("give effect.error too"),
        );
    }
    check_headers(&spec.effect)?;
    let lengths = match spec.effect.delay {
        None => return Ok(()),
        Some(Delay::Fixed(length)) => (length, length),
        Some(Delay::Between { min, max }) => (min, max),
    };
    if lengths.0.0 < 0 || lengths.1 < lengths.0 || lengths.1 > LONGEST_DELAY {
        return Err(Invalid::new(
            "effect.delay",
            "a delay goes from 0 to 10 minutes, min before max",
        ));
    }
    Ok(())
}

/// What an HTTP/1.1 connection is run by: an answer that lies about these breaks the server, not the app.
const FRAMING: [&str; 7] = [
    "connection",
    "content-length",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

const LONGEST_DELAY: Length = Length(10 * 60 * 1000);

fn check_headers(effect: &Effect) -> Result<(), Invalid> {
    for (name, value) in &effect.headers {
        let path = format!("effect.headers.{name}");
        let is_token =
            |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            return Err(Invalid::new(
                path,
                format!("{name:?} is not a header's name"),
            ));
        }
        if FRAMING.contains(&name.to_ascii_lowercase().as_str()) {
            let why = Invalid::new(path, format!("{name:?} belongs to the connection"));
            return Err(why.with_hint("use truncate, slow_body or reset for answers that break"));
        }
        let fits = match value {
            Value::String(text) => text.bytes().all(|byte| byte >= 0x20 && byte != 0x7f),
            Value::Number(_) => true,
            _ => false,
        };
        if !fits {
            return Err(Invalid::new(
                path,
                format!("{value} is not a header's value: give text"),
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_a_fault_that_does_something() {
        for (name, _, fault) in PRESETS.iter().filter(|(name, ..)| *name != CLOCK_SKEW) {
            let spec: FaultSpec = serde_json::from_str(fault).unwrap();
            check(&spec).unwrap_or_else(|why| panic!("{name}: {why}"));
        }
    }
}
