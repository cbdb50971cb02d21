//! Text that describes JSON of the control API: the clock and faults. `output.rs` prints it.

use serde::Deserialize;
use serde_json::Value;

use crate::control::{Fault, FaultView, describe_fault};
use crate::protocol::duration::UNITS;

/// The keys and values of an object, one a line.
pub(super) fn pairs(object: &Value) -> String {
    let pairs = object.as_object().into_iter().flatten();
    let width = pairs.clone().map(|(key, _)| key.len()).max().unwrap_or(0);
    let lines = pairs.map(|(key, value)| {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        format!("{key:<width$}  {value}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The keys of the clock that the text shows.
#[derive(Debug, Deserialize)]
pub(super) struct ClockAnswer {
    now: String,
    state: ClockState,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClockState {
    Frozen {},
    Running { ahead_ms: i64 },
}

/// The time of the sandbox, and how its clock relates to real time.
pub(super) fn clock(clock: &ClockAnswer) -> String {
    let state = match clock.state {
        ClockState::Frozen {} => "frozen".to_owned(),
        ClockState::Running { ahead_ms: 0 } => "running in real time".to_owned(),
        ClockState::Running { ahead_ms: ms } => {
            let side = if ms > 0 { "ahead of" } else { "behind" };
            format!("running, {} {side} real time", length(ms.saturating_abs()))
        }
    };
    format!("{}  {state}", clock.now)
}

/// A length of time in its two largest units, such as `1h 5m`.
fn length(ms: i64) -> String {
    if ms < 1000 {
        return format!("{ms}ms");
    }
    let mut rest = ms;
    let mut parts = Vec::new();
    for (unit, unit_ms) in UNITS[1..].iter().rev() {
        if rest >= *unit_ms {
            parts.push(format!("{}{unit}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    parts.truncate(2);
    parts.join(" ")
}

/// One line for each active fault.
pub(super) fn faults(faults: &[FaultView]) -> String {
    if faults.is_empty() {
        return "no active faults".to_owned();
    }
    let lines: Vec<String> = faults.iter().map(fault).collect();
    lines.join("\n")
}

/// The id of a fault, what it does, and how often it was applied.
pub(super) fn fault(fault: &FaultView) -> String {
    let limit = fault.definition.times;
    let limit = limit.map_or_else(String::new, |times| format!(" of {times}"));
    let client = fault.definition.client_id.as_ref();
    let client = client.map_or_else(String::new, |id| format!(", for client {id}"));
    format!(
        "fault {}  {}{client}  (applied {}{limit} times)",
        fault.id,
        what(&fault.definition),
        fault.triggered
    )
}

/// The description of a fault without what [`fault`] adds.
fn what(fault: &Fault) -> String {
    describe_fault(&Fault {
        times: None,
        client_id: None,
        ..fault.clone()
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clock_is_described_relative_to_real_time() {
        let now = "2026-01-31T12:00:00Z";
        let described =
            |answer| serde_json::from_value::<ClockAnswer>(answer).map(|answer| clock(&answer));
        let running = |ms: i64| {
            let state = json!({ "running": { "ahead_ms": ms } });
            described(json!({ "now": now, "state": state })).unwrap()
        };
        assert_eq!(running(0), "2026-01-31T12:00:00Z  running in real time");
        assert_eq!(
            running(3_900_000),
            "2026-01-31T12:00:00Z  running, 1h 5m ahead of real time"
        );
        assert_eq!(
            running(-300_000),
            "2026-01-31T12:00:00Z  running, 5m behind real time"
        );
        assert_eq!(
            described(json!({ "now": now, "state": { "frozen": { "at": 0 } } })).unwrap(),
            "2026-01-31T12:00:00Z  frozen"
        );
        for incomplete in [
            json!({}),
            json!({ "now": now }),
            json!({ "state": "frozen" }),
        ] {
            assert!(described(incomplete).is_err());
        }
    }

    #[test]
    fn lengths_have_two_units() {
        for (ms, text) in [
            (250, "250ms"),
            (1500, "1s"),
            (61 * 60_000, "1h 1m"),
            (90_061_000, "1d 1h"),
        ] {
            assert_eq!(length(ms), text);
        }
    }
}
