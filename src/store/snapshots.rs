//! Operations on the snapshots of a sandbox.

use crate::protocol::time::Timestamp;
use crate::store::catalogue::StartingRows;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::initial_data::InitialData;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::snapshots::{Snapshot, delete, put};
use crate::store::tables::worlds::mark_retired;
use crate::store::transaction::{QueuedChange, WritePermit};
use std::sync::Arc;

/// A snapshot as it is listed: its name, and when it was taken.
pub(crate) type ListedSnapshot = (String, Timestamp);

/// A snapshot that is not committed yet, the key of the data of the one that it replaces, and its bytes.
type PlannedSnapshot = Option<(Snapshot, Option<String>, Arc<usize>)>;

impl<'a> WritePermit<'a> {
    /// Plans a snapshot; none if the sandbox has been deleted or has moved on.
    fn plan_snapshot(
        self,
        sandbox: &str,
        data: &SandboxData,
        name: &str,
        state: impl FnOnce() -> (String, Timestamp),
    ) -> QueuedChange<'a, Result<PlannedSnapshot, StoreError>> {
        // Before the rows are locked: faults look users up while they are locked themselves.
        let (state, taken_at) = state();
        let mut batch = self.catalogue_batch();
        let tables = batch.copy(data);
        let bytes = tables.size_in_bytes() + state.len();
        let start = StartingRows::Copy(data, Box::new(tables));
        self.plan_with(batch, |catalogue, batch| {
            let Some(known) = catalogue.sandbox_in(sandbox, data) else {
                return Ok(None);
            };
            let before = known.snapshots.get(name).map(Snapshot::key);
            catalogue.check_room_for_snapshot(sandbox, name, bytes)?;
            let snapshot = Snapshot {
                rows: catalogue.begin(start, batch),
                state,
                taken_at,
                bytes,
            };
            batch.push(|| put(sandbox, name, &snapshot));
            if let Some(before) = &before {
                batch.push(|| mark_retired(before));
            }
            let planned = catalogue.planned_snapshots.add(bytes);
            Ok(Some((snapshot, before, planned)))
        })
    }
}

impl Store {
    /// Stores a sandbox's rows under a name, in place of those stored before. Returns the key of the data of those, which
    /// is to be removed. `state`, asked for when the rows are copied, gives the rest of the sandbox as JSON text, and the
    /// time. Nothing is stored for a sandbox that has been deleted, or has moved on, in the meantime. Errors: there are as
    /// many snapshots as there may be.
    pub(crate) async fn take_snapshot(
        &self,
        sandbox: &str,
        data: &SandboxData,
        name: &str,
        state: impl FnOnce() -> (String, Timestamp),
    ) -> Result<Option<String>, StoreError> {
        let planned = self
            .begin_write()
            .await?
            .plan_snapshot(sandbox, data, name, state)
            .committed()
            .await??;
        let Some((snapshot, before, _planned)) = planned else {
            return Ok(None);
        };
        let mut catalogue = self.catalogue();
        if let Some(known) = catalogue.sandbox_in(sandbox, data) {
            known.snapshots.insert(name.to_owned(), snapshot);
        }
        catalogue.retired.extend(before.clone());
        Ok(before)
    }

    /// The part of a snapshot that is not rows.
    pub(crate) fn snapshot_state(&self, sandbox: &str, name: &str) -> Option<String> {
        let catalogue = self.catalogue();
        let snapshot = catalogue.sandboxes.get(sandbox)?.snapshots.get(name)?;
        Some(snapshot.state.clone())
    }

    /// Moves a sandbox to a new data with the rows of a snapshot, which is returned. None if there is no such sandbox or
    /// snapshot any more.
    pub(crate) async fn restore_snapshot(
        &self,
        sandbox: &str,
        data: &SandboxData,
        name: &str,
        clock: &str,
    ) -> Result<Option<Arc<SandboxData>>, StoreError> {
        let stored = {
            let catalogue = self.catalogue();
            let snapshots = catalogue
                .sandboxes
                .get(sandbox)
                .map(|record| &record.snapshots);
            let snapshot = snapshots.and_then(|snapshots| snapshots.get(name));
            snapshot.map(|snapshot| Arc::clone(&snapshot.rows))
        };
        match stored {
            None => Ok(None),
            Some(rows) => {
                self.replace_data(sandbox, data, InitialData::Copy(&rows), clock)
                    .await
            }
        }
    }

    /// The snapshots of a sandbox, by name.
    pub(crate) fn list_snapshots(&self, sandbox: &str) -> Vec<ListedSnapshot> {
        let catalogue = self.catalogue();
        let record = catalogue.sandboxes.get(sandbox);
        record
            .into_iter()
            .flat_map(|record| &record.snapshots)
            .map(|(name, snapshot)| (name.clone(), snapshot.taken_at))
            .collect()
    }

    /// Deletes a snapshot. Returns the key of its data, which is to be removed; none if there was no such snapshot.
    pub(crate) async fn delete_snapshot(
        &self,
        sandbox: &str,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let key = self
            .begin_write()
            .await?
            .plan(|catalogue, batch| {
                let known = catalogue.sandboxes.get(sandbox)?;
                let key = known.snapshots.get(name)?.key();
                batch.push(|| delete(sandbox, name));
                batch.push(|| mark_retired(&key));
                Some(key)
            })
            .committed()
            .await?;
        if let Some(key) = &key {
            let mut catalogue = self.catalogue();
            if let Some(known) = catalogue.sandboxes.get_mut(sandbox) {
                known.snapshots.remove(name);
            }
            catalogue.retired.insert(key.clone());
        }
        Ok(key)
    }
}
