//! Operations on the snapshots of a sandbox.

use crate::protocol::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::initial_data::DataSource;
use crate::store::sandbox_data::SandboxData;
use crate::store::sandbox_index::LockedSource;
use crate::store::tables::data_keys::mark_retired;
use crate::store::tables::snapshots::{StoredSnapshot, delete, put};
use std::sync::Arc;

/// A snapshot as it is listed: its name, and when it was taken.
pub(crate) type ListedSnapshot = (String, Timestamp);

impl Store {
    /// Stores a copy of a sandbox's rows under a name, in place of an earlier one. `state` is called when the rows are
    /// copied; it returns the rest of the sandbox as JSON text, and the time. Nothing is stored if the sandbox was deleted
    /// or its data replaced in the meantime. Errors: there are as many snapshots as there may be.
    pub(crate) async fn take_snapshot(
        &self,
        sandbox: &str,
        data: &SandboxData,
        name: &str,
        state: impl FnOnce() -> (String, Timestamp),
    ) -> Result<(), StoreError> {
        let prepare = || {
            // Before the rows are locked: faults look users up while they are locked themselves.
            let (state, taken_at) = state();
            let source = LockedSource::copy(data);
            let bytes = source.size_in_bytes() + state.len();
            (state, taken_at, source, bytes)
        };
        let planned = self
            .commit_index_change_with(prepare, |(state, taken_at, source, bytes), index, batch| {
                if index.sandbox_in(sandbox, data).is_none() {
                    return Ok(None);
                }
                index.check_room_for_snapshot(sandbox, name, *bytes)?;
                let snapshot = StoredSnapshot {
                    data: index.create_data(source, batch),
                    state: std::mem::take(state),
                    taken_at: *taken_at,
                    bytes: *bytes,
                };
                batch.push(|| put(sandbox, name, &snapshot));
                if let Some(before) = index.snapshot(sandbox, name) {
                    batch.push(|| mark_retired(before.data.key()));
                }
                let planned = index.planned_snapshots.add(*bytes);
                Ok::<_, StoreError>(Some((snapshot, planned)))
            })
            .await??;
        let Some((snapshot, _planned)) = planned else {
            return Ok(());
        };
        let mut index = self.sandbox_index();
        if let Some(known) = index.sandbox_in(sandbox, data) {
            let before = known.snapshots.insert(name.to_owned(), snapshot);
            if let Some(before) = before {
                before.data.retire();
            }
        }
        Ok(())
    }

    /// The part of a snapshot that is not rows.
    pub(crate) fn snapshot_state(&self, sandbox: &str, name: &str) -> Option<String> {
        let index = self.sandbox_index();
        let snapshot = index.snapshot(sandbox, name)?;
        Some(snapshot.state.clone())
    }

    /// Replaces the data of a sandbox by a copy of a snapshot, which is returned. None if there is no such sandbox or snapshot
    /// any more.
    pub(crate) async fn restore_snapshot(
        &self,
        sandbox: &str,
        data: &SandboxData,
        name: &str,
        clock: &str,
    ) -> Result<Option<Arc<SandboxData>>, StoreError> {
        let copied = {
            let index = self.sandbox_index();
            let snapshot = index.snapshot(sandbox, name);
            snapshot.map(|snapshot| Arc::clone(&snapshot.data))
        };
        match copied {
            None => Ok(None),
            Some(copied) => {
                self.replace_data(sandbox, data, DataSource::Copy(&copied), clock)
                    .await
            }
        }
    }

    /// The snapshots of a sandbox, by name.
    pub(crate) fn list_snapshots(&self, sandbox: &str) -> Vec<ListedSnapshot> {
        let index = self.sandbox_index();
        let record = index.sandboxes.get(sandbox);
        record
            .into_iter()
            .flat_map(|record| &record.snapshots)
            .map(|(name, snapshot)| (name.clone(), snapshot.taken_at))
            .collect()
    }

    /// Deletes a snapshot and returns whether it existed.
    pub(crate) async fn delete_snapshot(
        &self,
        sandbox: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        self.commit_index_change(|index, batch| {
            if let Some(snapshot) = index.snapshot(sandbox, name) {
                batch.push(|| delete(sandbox, name));
                batch.push(|| mark_retired(snapshot.data.key()));
            }
        })
        .await?;
        let mut index = self.sandbox_index();
        let record = index.sandboxes.get_mut(sandbox);
        let deleted = record.and_then(|record| record.snapshots.remove(name));
        if let Some(deleted) = &deleted {
            deleted.data.retire();
        }
        Ok(deleted.is_some())
    }
}
