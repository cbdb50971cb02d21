//! The clock by control call: move it, stop it, set it.

use serde::Deserialize;
use serde_json::{Value, json};

use super::Outcome;
use crate::invalid::{self, Invalid};
use crate::protocol::duration::Length;
use crate::protocol::time::{Moment, Timestamp};
use crate::sandbox::Sandbox;
use crate::sandbox::clock::{Clock, ClockState};

/// `{"by":"1h"}`, or `{"seconds":3600}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    #[serde(alias = "seconds")]
    by: Length,
}

/// `{"at":"2026-01-01T00:00:00Z"}`, or Unix seconds.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    at: Moment,
}

impl Sandbox {
    /// What the time is here.
    pub(crate) fn show_clock(&self) -> Value {
        let now = self.now();
        let state = self.clock.state();
        json!({
            "now": now.to_string(),
            "unix_ms": now.0,
            "frozen": matches!(state, ClockState::Frozen { .. }),
            "state": state,
        })
    }

    /// Moves the clock by a length of time, back where it is negative.
    pub(crate) async fn advance_clock(&self, input: Value) -> Outcome<Timestamp> {
        // A bare length will do: `"1h"` or `3600`.
        let by = match input {
            Value::Object(_) => invalid::from_json::<Advance>(input)?.by,
            bare => invalid::from_json::<Length>(bare)?,
        };
        self.move_clock(by).await
    }

    /// Moves the clock.
    pub(crate) async fn move_clock(&self, by: Length) -> Outcome<Timestamp> {
        let now = self.clock.advance(by.0);
        self.keep_clock().await?;
        Ok(now)
    }

    /// Stops the clock: where it stands, or at `{"at"}`.
    pub(crate) async fn freeze_clock(&self, input: Value) -> Outcome<Timestamp> {
        let empty = input.as_object().is_some_and(serde_json::Map::is_empty);
        let at = if empty {
            self.now()
        } else {
            invalid::from_json::<At>(input)?.at.0
        };
        self.put_clock(ClockState::Frozen { at }).await
    }

    /// Lets a stopped clock run on from where it stands.
    pub(crate) async fn resume_clock(&self, input: Value) -> Outcome<Timestamp> {
        if input.as_object().is_none_or(|object| !object.is_empty()) {
            return Err(
                Invalid::new("", format!("{input} is not {{}}: resume takes nothing")).into(),
            );
        }
        let state = Clock::running_from(self.now());
        self.put_clock(state).await
    }

    /// Sets the clock to `{"at"}`; a stopped one stays stopped.
    pub(crate) async fn set_clock(&self, input: Value) -> Outcome<Timestamp> {
        let at = invalid::from_json::<At>(input)?.at.0;
        let state = match self.clock.state() {
            ClockState::Frozen { .. } => ClockState::Frozen { at },
            ClockState::Running { .. } => Clock::running_from(at),
        };
        self.put_clock(state).await
    }

    async fn put_clock(&self, state: ClockState) -> Outcome<Timestamp> {
        self.clock.put(state);
        self.keep_clock().await?;
        Ok(self.now())
    }
}
