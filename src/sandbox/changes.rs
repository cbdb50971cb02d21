//! Changes of a sandbox that are not requests: of its clock, faults and settings. Each has the id of the request after which it
//! was made, so that lists can show it between the requests.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::clock::ClockState;
use super::journal::cut;
use crate::protocol::duration::SignedDuration;
use crate::protocol::time::Timestamp;

/// The most changes of a sandbox that are stored. The oldest are removed first.
const MAX_CHANGES: usize = 200;

/// Longer descriptions are cut.
const MAX_MESSAGE_BYTES: usize = 300;

/// A clock that differs by less has not been moved: reading it takes time.
const MIN_MOVE_MS: u64 = 20;

/// A change of the clock, the faults or the settings of a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "ChangeView")
)]
#[non_exhaustive]
pub struct Change {
    /// The id: counts from 1, and continues when the sandbox is reset.
    pub id: u64,
    /// The newest request of the journal when the change was made; 0 if there was none.
    pub after_request: u64,
    /// When it was made, by the sandbox's clock; for a change of the clock, the new time.
    pub at: Timestamp,
    /// The kind of the change.
    pub kind: ChangeKind,
    /// What has changed, such as `Clock moved 2 h ahead`.
    pub message: String,
}

/// The kind of a [`Change`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ChangeKind {
    /// The clock was moved or set.
    ClockMoved,
    /// The clock was frozen.
    ClockFrozen,
    /// The clock was resumed.
    ClockResumed,
    /// A fault was added.
    FaultAdded,
    /// One fault or all faults were deleted.
    FaultDeleted,
    /// Settings were changed.
    SettingsChanged,
    /// Tokens were made to expire.
    TokensExpired,
    /// A snapshot was restored.
    SnapshotRestored,
    /// The sandbox was reset.
    SandboxReset,
}

/// The changes of one sandbox since it was opened or reset.
#[derive(Debug, Default)]
pub(crate) struct ChangeLog(Mutex<Changes>);

#[derive(Debug, Default)]
struct Changes {
    stored: VecDeque<Change>,
    last_id: u64,
    /// How often the sandbox was reset.
    resets: u64,
}

impl ChangeLog {
    fn changes(&self) -> MutexGuard<'_, Changes> {
        // Changes are added whole: after a panic under the lock, the state is still valid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a change.
    pub(super) fn add(&self, after_request: u64, at: Timestamp, kind: ChangeKind, message: &str) {
        let mut changes = self.changes();
        changes.last_id += 1;
        changes.resets += u64::from(kind == ChangeKind::SandboxReset);
        let change = Change {
            id: changes.last_id,
            after_request,
            at,
            kind,
            message: cut(message, MAX_MESSAGE_BYTES).into_owned(),
        };
        changes.stored.push_back(change);
        if changes.stored.len() > MAX_CHANGES {
            changes.stored.pop_front();
        }
    }

    /// Removes all changes. Ids continue.
    pub(crate) fn clear(&self) {
        self.changes().stored = VecDeque::new();
    }

    /// The changes that are stored, oldest first.
    pub(crate) fn list(&self) -> Vec<Change> {
        self.changes().stored.iter().cloned().collect()
    }

    /// The changes after this one, oldest first.
    pub(crate) fn list_after(&self, id: u64) -> Vec<Change> {
        let changes = self.changes();
        let newer = changes.stored.iter().filter(|change| change.id > id);
        newer.cloned().collect()
    }

    /// How often the sandbox was reset.
    pub(crate) fn resets(&self) -> u64 {
        self.changes().resets
    }

    /// The id of the newest change; 0 if there was none.
    pub(crate) fn newest(&self) -> u64 {
        self.changes().last_id
    }
}

/// The kind and the description of a change of the clock; None if it shows the same time as before.
pub(super) fn describe_clock_change(
    before: ClockState,
    after: ClockState,
) -> Option<(ChangeKind, String)> {
    let moved_ms = after.now().0.saturating_sub(before.now().0);
    let is_moved = moved_ms.unsigned_abs() >= MIN_MOVE_MS;
    match (before, after) {
        (ClockState::Running { .. }, ClockState::Frozen { at }) => {
            let message = if is_moved {
                format!("Clock frozen at {at}")
            } else {
                "Clock frozen".to_owned()
            };
            Some((ChangeKind::ClockFrozen, message))
        }
        (ClockState::Frozen { .. }, ClockState::Running { .. }) => {
            Some((ChangeKind::ClockResumed, "Clock resumed".to_owned()))
        }
        _ if is_moved => {
            let direction = if moved_ms < 0 { "back" } else { "ahead" };
            let length = SignedDuration(moved_ms).to_words();
            let message = format!("Clock moved {length} {direction}");
            Some((ChangeKind::ClockMoved, message))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_changes_are_bounded_and_short() {
        let log = ChangeLog::default();
        for _ in 0..2 * MAX_CHANGES {
            log.add(
                1,
                Timestamp(0),
                ChangeKind::SettingsChanged,
                &"x".repeat(5000),
            );
        }
        let stored = log.list();
        assert_eq!(stored.len(), MAX_CHANGES);
        assert_eq!(stored[0].id, MAX_CHANGES as u64 + 1);
        assert!(stored[0].message.len() < 2 * MAX_MESSAGE_BYTES);
        assert_eq!(log.list_after(log.newest() - 1).len(), 1);
        log.clear();
        assert_eq!((log.list().len(), log.newest()), (0, 400));
    }

    #[test]
    fn changes_of_the_clock_are_described() {
        let running = |ahead_ms| ClockState::Running { ahead_ms };
        let frozen = |ms| ClockState::Frozen { at: Timestamp(ms) };
        let describe = |before, after| describe_clock_change(before, after).map(|(_, text)| text);
        let expected = |text: &str| Some(text.to_owned());
        assert_eq!(
            describe(running(0), running(7_200_000)),
            expected("Clock moved 2 h ahead")
        );
        assert_eq!(
            describe(frozen(0), frozen(-90_000)),
            expected("Clock moved 1 min 30 s back")
        );
        assert_eq!(
            describe(running(0), frozen(0)),
            expected("Clock frozen at 1970-01-01T00:00:00Z")
        );
        assert_eq!(describe(frozen(0), running(0)), expected("Clock resumed"));
        assert_eq!(describe(running(5), running(6)), None);
    }
}
