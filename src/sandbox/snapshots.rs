//! Snapshots: the rows, the clock, the settings and the faults of a sandbox under a name, and back.

use serde::{Deserialize, Serialize};

use super::clock::ClockState;
use super::faults::SetFault;
use super::handle::{Sandbox, SandboxCore};
use super::settings::Settings;
use crate::protocol::time::Timestamp;
use crate::store::{StoreError, from_json};

/// The parts of a snapshot that are not rows.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SnapshotState {
    pub(crate) clock: ClockState,
    pub(crate) settings: Settings,
    pub(crate) faults: Vec<SetFault>,
}

impl SandboxCore {
    /// Returns when the snapshot was taken.
    async fn create_snapshot(&self, name: &str) -> Result<Timestamp, StoreError> {
        let _lock = self.lifecycle_lock.lock().await;
        let (generation, mut at) = (self.current_generation(), self.now());
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
        let before = self
            .store
            .take_snapshot(&self.name, generation.rows(), name, state)
            .await?;
        if let Some(before) = before {
            self.purger.remove(before);
        }
        Ok(at)
    }

    async fn restore_snapshot(&self, snapshot: &str) -> Result<bool, StoreError> {
        let _lock = self.lifecycle_lock.lock().await;
        let Some(state) = self.store.snapshot_state(&self.name, snapshot) else {
            return Ok(false);
        };
        let state: SnapshotState = from_json("snapshot", &state)?;
        let faults = self.faults.prepare(state.faults)?;
        let (before, clock) = (self.current_generation(), state.clock.to_text());
        let begun = self
            .store
            .restore_snapshot(&self.name, before.rows(), snapshot, &clock)
            .await?;
        let known = begun.is_some();
        if let Some(world) = begun {
            let state = (state.clock, state.settings, faults);
            self.switch_to(world, state, |core| core.journal.note_restore());
        }
        Ok(known)
    }

    async fn delete_snapshot(&self, name: &str) -> Result<bool, StoreError> {
        let _lock = self.lifecycle_lock.lock().await;
        let forgotten = self.store.delete_snapshot(&self.name, name).await?;
        let known = forgotten.is_some();
        if let Some(world) = forgotten {
            self.purger.remove(world);
        }
        Ok(known)
    }
}

impl Sandbox {
    /// Stores rows, clock, settings and faults under a name, and returns the time of the snapshot.
    pub(crate) async fn save_snapshot(&self, name: &str) -> Result<Timestamp, StoreError> {
        let name = name.to_owned();
        self.run_uncancelled(async move |core| core.create_snapshot(&name).await)
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
