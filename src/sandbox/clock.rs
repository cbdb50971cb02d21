//! The clock of a sandbox, which can be moved, stopped and set, and the only access to the system's clock. Clocks stay
//! within the years 1 to 9999: later, RFC 3339 has no text for a moment. A running clock stops at the end.
//!
//! Nothing waits for this clock: each request compares stored times with `now`, so a move takes effect at the next request.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::protocol::time::{LAST_WRITTEN_MS, Timestamp, unix_millis};
use crate::store::{StoreError, from_json};

/// The first and the last time that a clock can show.
pub(crate) const FIRST: Timestamp = Timestamp(-62_135_596_800_000);
pub(crate) const LAST: Timestamp = Timestamp(LAST_WRITTEN_MS);

/// A time that no clock can show.
#[derive(Debug)]
pub(crate) struct OutOfRange;

/// The clock of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<ClockState>);

/// How a clock relates to the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClockState {
    /// Runs with this offset to the system's clock, in milliseconds.
    Running { ahead_ms: i64 },
    /// Stopped.
    Frozen {
        /// Unix milliseconds.
        #[serde(with = "unix_millis")]
        #[cfg_attr(feature = "openapi", schemars(with = "i64"))]
        at: Timestamp,
    },
}

impl Default for ClockState {
    fn default() -> Self {
        Self::Running { ahead_ms: 0 }
    }
}

impl ClockState {
    /// The text that its row stores.
    pub(super) fn to_text(self) -> String {
        serde_json::to_string(&self).expect("a clock's state is JSON")
    }

    pub(super) fn from_text(text: &str) -> Result<Self, StoreError> {
        from_json("clock", text)
    }
}

impl Clock {
    pub(super) fn new(state: ClockState) -> Self {
        Self(Mutex::new(state))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.state().now()
    }

    /// The sandbox's time and the system's time, in this order.
    pub(crate) fn now_and_system(&self) -> (Timestamp, Timestamp) {
        let system = system_now();
        (self.state().at(system), system)
    }

    pub(crate) fn state(&self) -> ClockState {
        // A clock is one plain value: a panic under the lock leaves it valid.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_state(&self, state: ClockState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// Moves the clock by this many milliseconds, back if they are negative. Does not move it beyond the supported years.
    pub(crate) fn advance(&self, ms: i64) -> Result<(), OutOfRange> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there = Timestamp(state.now().0.saturating_add(ms));
        *state = state.moved_to(there)?;
        Ok(())
    }

    /// Sets the clock; a frozen one stays frozen. Errors: the time is out of range.
    pub(crate) fn set(&self, at: Timestamp) -> Result<(), OutOfRange> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = state.moved_to(at)?;
        Ok(())
    }

    /// Freezes the clock at a time, or now.
    pub(crate) fn freeze(&self, at: Option<Timestamp>) -> Result<(), OutOfRange> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = at.unwrap_or_else(|| state.now());
        *state = ClockState::Frozen { at }.moved_to(at)?;
        Ok(())
    }

    /// Resumes a frozen clock from its time.
    pub(crate) fn resume(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = ClockState::running_from(state.now());
    }
}

/// The system's time, which no control call moves.
pub(super) fn system_now() -> Timestamp {
    Timestamp(system_ms())
}

impl ClockState {
    pub(super) fn now(self) -> Timestamp {
        self.at(system_now())
    }

    /// The time of this clock at a time of the system's.
    fn at(self, system: Timestamp) -> Timestamp {
        let at = match self {
            Self::Running { ahead_ms } => Timestamp(system.0.saturating_add(ahead_ms)),
            Self::Frozen { at } => at,
        };
        at.clamp(FIRST, LAST)
    }

    /// The state of a clock that runs from a time on.
    fn running_from(at: Timestamp) -> Self {
        Self::Running {
            ahead_ms: at.0.saturating_sub(system_ms()),
        }
    }

    /// The clock at another time, stopped or running as before.
    fn moved_to(self, at: Timestamp) -> Result<Self, OutOfRange> {
        if !(FIRST..=LAST).contains(&at) {
            return Err(OutOfRange);
        }
        Ok(match self {
            Self::Frozen { .. } => Self::Frozen { at },
            Self::Running { .. } => Self::running_from(at),
        })
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the only access to the system's clock"
)]
fn system_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn stored_state_is_read_unchanged(ms in proptest::num::i64::ANY, running: bool) {
            let state = if running {
                ClockState::Running { ahead_ms: ms }
            } else {
                ClockState::Frozen { at: Timestamp(ms) }
            };
            let text = serde_json::to_string(&state).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<ClockState>(&text).unwrap(), state);
        }
    }

    #[test]
    fn running_clock_stops_at_the_end_and_can_be_moved_back() {
        let clock = Clock::default();
        clock.set(LAST).unwrap();
        assert_eq!(clock.now(), LAST);
        let system = Timestamp(system_ms() + WEEK);
        assert_eq!(clock.state().at(system), LAST);
        assert!(clock.advance(1).is_err() && clock.advance(i64::MAX).is_err());
        assert_eq!(clock.now(), LAST);
        clock.set_state(ClockState::Running { ahead_ms: i64::MAX });
        assert_eq!(clock.now(), LAST);
        clock.advance(-WEEK).unwrap();
        let back = LAST.0 - clock.now().0;
        assert!((WEEK - 60_000..=WEEK).contains(&back), "{back}");
        clock.set_state(ClockState::Frozen {
            at: Timestamp(i64::MIN),
        });
        assert_eq!(clock.now(), FIRST);
        assert!(clock.advance(-1).is_err() && clock.freeze(Some(Timestamp(FIRST.0 - 1))).is_err());
    }

    const WEEK: i64 = 7 * 24 * 60 * 60 * 1000;
}
