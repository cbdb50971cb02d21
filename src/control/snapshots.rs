//! Snapshots: the rows, the clock, the settings and the faults of a sandbox under a name, and back. The journal is
//! not part of them.

use serde_json::{Value, json};

use super::{ControlError, Outcome};
use crate::invalid::Invalid;
use crate::sandbox::registry::is_name;
use crate::sandbox::{Sandbox, State};
use crate::store::StoreError;

impl Sandbox {
    /// Takes a snapshot, in place of one of the same name.
    pub(crate) async fn take_snapshot(&self, name: &str) -> Outcome<Value> {
        if !is_name(name) {
            let why =
                format!("{name:?} is not a name: letters, digits, - _ . and at most 64 of them");
            return Err(Invalid::new("name", why).into());
        }
        let state = State {
            clock: self.clock.state(),
            settings: (*self.settings()).clone(),
            faults: self.faults.list(),
        };
        let state = serde_json::to_string(&state).expect("clock, settings and faults are JSON");
        let taken_at = self.keep_snapshot(name, state).await?;
        Ok(json!({ "name": name, "taken_at": taken_at.to_string() }))
    }

    /// The snapshots, by name.
    pub(crate) async fn list_snapshots(&self) -> Outcome<Value> {
        let found = self.store.list_snapshots(self.name()).await?;
        let shown: Vec<Value> = found
            .into_iter()
            .map(|one| json!({ "name": one.name, "taken_at": one.taken_at.to_string() }))
            .collect();
        Ok(json!({ "snapshots": shown }))
    }

    /// One snapshot.
    pub(crate) async fn read_snapshot(&self, name: &str) -> Outcome<Value> {
        let found = self.store.list_snapshots(self.name()).await?;
        match found.iter().find(|one| one.name == name) {
            Some(one) => Ok(json!({ "name": one.name, "taken_at": one.taken_at.to_string() })),
            None => Err(self.no_snapshot(name).await?),
        }
    }

    /// Goes back to a snapshot.
    pub(crate) async fn restore_snapshot(&self, name: &str) -> Outcome<()> {
        let Some(state) = self.store.snapshot_state(self.name(), name).await? else {
            return Err(self.no_snapshot(name).await?);
        };
        let state: State = serde_json::from_str(&state).map_err(|why| StoreError::Damaged {
            what: "snapshot",
            why: why.to_string(),
        })?;
        if self.restore(name, state).await? {
            Ok(())
        } else {
            Err(self.no_snapshot(name).await?)
        }
    }

    /// Forgets a snapshot.
    pub(crate) async fn delete_snapshot(&self, name: &str) -> Outcome<()> {
        if self.forget_snapshot(name).await? {
            Ok(())
        } else {
            Err(self.no_snapshot(name).await?)
        }
    }

    async fn no_snapshot(&self, name: &str) -> Result<ControlError, StoreError> {
        let found = self.store.list_snapshots(self.name()).await?;
        let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
        let why = Invalid::new("name", format!("no snapshot {name:?}"));
        Ok(ControlError::NotFound(if names.is_empty() {
            why.with_hint("take one with POST snapshots/{name}")
        } else {
            why.with_hint(format!("there are {}", names.join(", ")))
        }))
    }
}
