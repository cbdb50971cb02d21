//! Snapshots: the rows, the clock, the settings and the faults of a sandbox under a name, and back. The journal is
//! not part of them.

use serde::Serialize;

use super::error::{ControlError, ControlResult};
use super::sandboxes::check_name;
use crate::invalid::Invalid;
use crate::protocol::time::Timestamp;
use crate::sandbox::Sandbox;
use crate::store::StoreError;

/// A copy of a sandbox's data, clock, settings and faults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(
    feature = "openapi",
    derive(schemars::JsonSchema),
    schemars(rename = "SnapshotView")
)]
#[non_exhaustive]
pub struct Snapshot {
    /// The name.
    pub name: String,
    /// The time of creation, by the sandbox's clock.
    pub taken_at: Timestamp,
}

/// `{"snapshots":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct SnapshotList {
    pub(crate) snapshots: Vec<Snapshot>,
}

impl Snapshot {
    fn new(name: &str, taken_at: Timestamp) -> Self {
        Self {
            name: name.to_owned(),
            taken_at,
        }
    }
}

impl Sandbox {
    /// Takes a snapshot and replaces one of the same name. Errors: there are 100 in this sandbox, or 10,000 in all.
    pub(crate) async fn take_snapshot(&self, name: &str) -> ControlResult<Snapshot> {
        check_name(name)?;
        match self.take_snapshot_uncancelled(name).await {
            Ok(taken_at) => Ok(Snapshot::new(name, taken_at)),
            Err(error @ StoreError::TableFull { .. }) => {
                let error = Invalid::new("name", error.to_string());
                let hint =
                    "remove one with DELETE snapshots/{name}, or replace one by reusing its name";
                Err(ControlError::Conflict(error.with_hint(hint)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The snapshots, by name.
    pub(crate) fn list_snapshots(&self) -> SnapshotList {
        let found = self.store.list_snapshots(self.name());
        let shown = found
            .iter()
            .map(|(name, taken_at)| Snapshot::new(name, *taken_at));
        SnapshotList {
            snapshots: shown.collect(),
        }
    }

    /// One snapshot.
    pub(crate) fn read_snapshot(&self, name: &str) -> ControlResult<Snapshot> {
        let found = self.store.list_snapshots(self.name());
        match found.iter().find(|(known, _)| known == name) {
            Some((name, taken_at)) => Ok(Snapshot::new(name, *taken_at)),
            None => Err(self.no_snapshot(name)),
        }
    }

    /// Restores a snapshot.
    pub(crate) async fn restore_snapshot(&self, name: &str) -> ControlResult<()> {
        if self.restore(name).await? {
            Ok(())
        } else {
            Err(self.no_snapshot(name))
        }
    }

    /// Deletes a snapshot.
    pub(crate) async fn delete_snapshot(&self, name: &str) -> ControlResult<()> {
        if self.remove_snapshot(name).await? {
            Ok(())
        } else {
            Err(self.no_snapshot(name))
        }
    }

    fn no_snapshot(&self, name: &str) -> ControlError {
        let found = self.store.list_snapshots(self.name());
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        let error = Invalid::new("name", format!("no snapshot {name:?}"));
        ControlError::NotFound(if names.is_empty() {
            error.with_hint("take one with POST snapshots/{name}")
        } else {
            error.with_hint(format!("there are {}", names.join(", ")))
        })
    }
}
