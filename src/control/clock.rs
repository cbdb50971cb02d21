//! Operations on the clock: advance, freeze, resume, set.

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::error::{ControlError, ControlResult};
use crate::invalid::Invalid;
use crate::protocol::duration::{LengthOr, NoObject, SignedDuration};
use crate::protocol::json::given;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;
use crate::sandbox::clock::{self, ClockState};
use crate::suggest::ValueError;

/// The input of an advance: `{"by":"1h"}`, `{"seconds":3600}`, or the bare duration.
#[derive(Debug, Clone)]
pub(crate) struct AdvanceClock {
    by: SignedDuration,
    /// The value as it was sent, for error messages.
    sent: Value,
    key: &'static str,
}

impl From<SignedDuration> for AdvanceClock {
    fn from(by: SignedDuration) -> Self {
        Self {
            by,
            sent: Value::from(by.to_string()),
            key: "by",
        }
    }
}

impl<'de> Deserialize<'de> for AdvanceClock {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Keys {
            #[serde(default, deserialize_with = "given")]
            by: Option<LengthOr<NoObject>>,
            #[serde(default, deserialize_with = "given")]
            seconds: Option<LengthOr<NoObject>>,
        }
        let keys = match LengthOr::deserialize(deserializer)? {
            LengthOr::Length(by, sent) => return Ok(Self { by, sent, key: "" }),
            LengthOr::Object(Keys { by, seconds }) => (by, seconds),
        };
        let (LengthOr::Length(by, sent), key) = match keys {
            (Some(by), None) => (by, "by"),
            (None, Some(seconds)) => (seconds, "seconds"),
            (None, None) => {
                let hint = r#"choose among {"by":"1h"}, {"seconds":3600} and "1h""#;
                let error = ValueError::new(r#"missing key "by""#).with_hint(hint);
                return Err(de::Error::custom(error));
            }
            (Some(LengthOr::Length(_, by)), Some(LengthOr::Length(_, seconds))) => {
                let message = format!("by {by} and seconds {seconds} are both given: omit one");
                return Err(de::Error::custom(message));
            }
        };
        Ok(Self { by, sent, key })
    }
}

/// `{"at":"2026-01-01T00:00:00Z"}`, or Unix seconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct SetClock {
    pub(crate) at: Timestamp,
}

/// As [`SetClock`]; `at` defaults to the current time of the sandbox.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FreezeClock {
    #[serde(deserialize_with = "given")]
    pub(crate) at: Option<Timestamp>,
}

/// The clock of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ClockView {
    /// The time of the sandbox.
    pub now: Timestamp,
    unix_ms: i64,
    /// Whether the clock is frozen.
    pub frozen: bool,
    /// Whether the clock has reached the end of the year 9999, where it stops.
    pub at_end: bool,
    state: ClockState,
}

/// The error for a time out of range. `what` describes the input at `path`.
fn out_of_reach(path: &str, what: &str) -> ControlError {
    let (first, last) = (clock::FIRST, clock::LAST);
    let error = Invalid::new(path, format!("{what} the years 1 to 9999"));
    error
        .with_hint(format!("the clock accepts times from {first} to {last}"))
        .into()
}

/// As [`out_of_reach`], for a requested time.
fn cannot_show(at: Timestamp) -> ControlError {
    let seconds = at.unix_seconds();
    out_of_reach("at", &format!("{seconds} s since 1970 is not within"))
}

impl Sandbox {
    /// The clock of the sandbox.
    pub(crate) fn show_clock(&self) -> ClockView {
        let now = self.now();
        let state = self.clock.state();
        ClockView {
            now,
            unix_ms: now.0,
            frozen: matches!(state, ClockState::Frozen { .. }),
            at_end: now == clock::LAST,
            state,
        }
    }

    /// Moves the clock by a duration, back if it is negative.
    pub(crate) async fn advance_clock(&self, advance: AdvanceClock) -> ControlResult<ClockView> {
        let AdvanceClock { by, sent, key } = advance;
        self.change_clock(move |clock| {
            let moved = clock.advance(by.0);
            moved.map_err(|_| out_of_reach(key, &format!("{sent} would move the clock out of")))
        })
        .await?;
        Ok(self.show_clock())
    }

    /// Freezes the clock, at the current time or at the given one.
    pub(crate) async fn freeze_clock(&self, freeze: FreezeClock) -> ControlResult<ClockView> {
        let at = freeze.at;
        self.change_clock(move |clock| {
            let frozen = clock.freeze(at);
            frozen.map_err(|_| cannot_show(at.unwrap_or(clock::LAST)))
        })
        .await?;
        Ok(self.show_clock())
    }

    /// Resumes a frozen clock.
    pub(crate) async fn resume_clock(&self) -> ControlResult<ClockView> {
        self.change_clock(|clock| {
            clock.resume();
            Ok::<_, ControlError>(())
        })
        .await?;
        Ok(self.show_clock())
    }

    /// Sets the clock. A frozen clock stays frozen.
    pub(crate) async fn set_clock(&self, SetClock { at }: SetClock) -> ControlResult<ClockView> {
        self.change_clock(move |clock| clock.set(at).map_err(|_| cannot_show(at)))
            .await?;
        Ok(self.show_clock())
    }
}
