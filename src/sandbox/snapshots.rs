//! Snapshots: the rows, the clock, the settings and the faults of a sandbox under a name, and back.

use serde::{Deserialize, Serialize};

use super::changes::ChangeKind;
use super::clock::ClockState;
use super::faults::FaultView;
use super::handle::{Sandbox, SandboxCore, SandboxState};
use super::settings::Settings;
use crate::protocol::time::Timestamp;
use crate::store::{StoreError, from_json};

/// The parts of a snapshot that are not rows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotState {
    pub(crate) clock: ClockState,
    pub(crate) settings: Settings,
    pub(crate) faults: Vec<FaultView>,
}

impl SandboxCore {
    /// Returns when the snapshot was taken.
    async fn take_snapshot(&self, name: &str) -> Result<Timestamp, StoreError> {
        let _lock = self.lifecycle_lock.lock().await;
        let (data, mut at) = (self.current_data(), self.now());
        let state = || {
            at = self.now();
            let state = SnapshotState {
                clock: self.clock.state(),
                settings: (*self.settings()).clone(),
                faults: self.faults.list(),
            };
            let state = serde_json::to_string(&state).expect("clock, settings and faults are JSON");
            (state, at)
        };
        self.store
            .take_snapshot(&self.name, &data, name, state)
            .await?;
        Ok(at)
    }

    async fn restore_snapshot(&self, snapshot: &str) -> Result<bool, StoreError> {
        let _lock = self.lifecycle_lock.lock().await;
        let Some(state) = self.store.snapshot_state(&self.name, snapshot) else {
            return Ok(false);
        };
        let state: SnapshotState = from_json("snapshot", &state)?;
        let faults = self.faults.prepare(state.faults)?;
        let (before, clock) = (self.current_data(), state.clock.to_text());
        let restored = self
            .store
            .restore_snapshot(&self.name, &before, snapshot, &clock)
            .await?;
        let Some(data) = restored else {
            return Ok(false);
        };
        let start = SandboxState {
            data,
            clock: state.clock,
            settings: state.settings,
            faults,
        };
        self.switch_to(start, |journal| {
            journal.note_restore();
            let message = format!("Snapshot {snapshot} restored");
            self.record_change(ChangeKind::SnapshotRestored, &message);
        });
        Ok(true)
    }

    async fn delete_snapshot(&self, name: &str) -> Result<bool, StoreError> {
        let _lock = self.lifecycle_lock.lock().await;
        self.store.delete_snapshot(&self.name, name).await
    }
}

impl Sandbox {
    /// Stores rows, clock, settings and faults under a name, and returns the time of the snapshot.
    pub(crate) async fn take_snapshot_uncancelled(
        &self,
        name: &str,
    ) -> Result<Timestamp, StoreError> {
        let name = name.to_owned();
        self.run_uncancelled(async move |core| core.take_snapshot(&name).await)
            .await
    }

    /// Restores a snapshot and returns whether it exists.
    pub(crate) async fn restore(&self, snapshot: &str) -> Result<bool, StoreError> {
        let snapshot = snapshot.to_owned();
        self.run_uncancelled(async move |core| core.restore_snapshot(&snapshot).await)
            .await
    }

    /// Deletes a snapshot and returns whether it existed.
    pub(crate) async fn remove_snapshot(&self, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.run_uncancelled(async move |core| core.delete_snapshot(&name).await)
            .await
    }
}
