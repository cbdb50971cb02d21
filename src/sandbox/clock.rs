//! What time is it here? The one door to the system's clock; a sandbox's clock can be moved, stopped and set.

use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::protocol::time::Timestamp;
use crate::store::{StoreError, from_json};

/// The clock of one sandbox.
#[derive(Debug, Default)]
pub(crate) struct Clock(Mutex<ClockState>);

/// How a clock stands to the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClockState {
    /// It runs, so many milliseconds ahead of the system's.
    Running { ahead_ms: i64 },
    /// It stands still.
    Frozen { at: Timestamp },
}

impl Default for ClockState {
    fn default() -> Self {
        Self::Running { ahead_ms: 0 }
    }
}

impl ClockState {
    /// What a row keeps of it.
    pub(super) fn to_text(self) -> String {
        serde_json::to_string(&self).expect("a clock's state is JSON")
    }

    pub(super) fn from_text(text: &str) -> Result<Self, StoreError> {
        from_json("clock", text)
    }
}

impl Clock {
    pub(super) fn starting(state: ClockState) -> Self {
        Self(Mutex::new(state))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.state().now()
    }

    /// The time here, and the system's.
    pub(crate) fn read(&self) -> (Timestamp, Timestamp) {
        let system = system_now();
        (self.state().at(system), system)
    }

    pub(crate) fn state(&self) -> ClockState {
        // A clock is one plain value: whoever panicked while holding the lock left it whole.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn put(&self, state: ClockState) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }

    /// The state of a clock that runs on from a moment.
    pub(crate) fn running_from(at: Timestamp) -> ClockState {
        ClockState::Running {
            ahead_ms: at.0.saturating_sub(system_ms()),
        }
    }

    /// Moves the clock by so many milliseconds, back where they are negative.
    pub(crate) fn advance(&self, ms: i64) -> Timestamp {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *state {
            ClockState::Running { ahead_ms } => *ahead_ms = ahead_ms.saturating_add(ms),
            ClockState::Frozen { at } => *at = Timestamp(at.0.saturating_add(ms)),
        }
        state.now()
    }
}

/// The system's own time, which no control call moves.
pub(super) fn system_now() -> Timestamp {
    Timestamp(system_ms())
}

impl ClockState {
    fn now(self) -> Timestamp {
        self.at(system_now())
    }

    /// The time here when it is that time for the system.
    fn at(self, system: Timestamp) -> Timestamp {
        match self {
            Self::Running { ahead_ms } => Timestamp(system.0.saturating_add(ahead_ms)),
            Self::Frozen { at } => at,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the door")]
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
        fn a_clock_that_is_kept_goes_on_as_it_was(ms in proptest::num::i64::ANY, running: bool) {
            let state = if running {
                ClockState::Running { ahead_ms: ms }
            } else {
                ClockState::Frozen { at: Timestamp(ms) }
            };
            let text = serde_json::to_string(&state).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<ClockState>(&text).unwrap(), state);
        }
    }
}
