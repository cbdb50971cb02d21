//! The `snapshots` table: a snapshot is a world of its own, copied from a sandbox's.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::sandboxes::Catalogue;
use super::statement::Statement;
use super::worlds::{Origin, mark_retired};
use super::{Rows, Store, StoreError, full};
use crate::protocol::time::Timestamp;

/// A snapshot as it is kept.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) rows: Arc<Rows>,
    state: String,
    taken_at: Timestamp,
    /// The approximate bytes of rows and state; 0 if an earlier run took it, since its rows are not in memory.
    bytes: usize,
}

impl Snapshot {
    fn key(&self) -> String {
        self.rows.key().to_owned()
    }
}

/// A snapshot as it is listed: its name, and when it was taken.
pub(crate) type Listed = (String, Timestamp);

/// What a file has of a sandbox's snapshots.
pub(super) async fn read(
    db: &mut SqliteConnection,
    sandbox: &str,
) -> Result<BTreeMap<String, Snapshot>, StoreError> {
    let rows: Vec<(String, String, Timestamp, String)> =
        sqlx::query_as("select name, state, taken_at, world from snapshots where sandbox = ?")
            .bind(sandbox)
            .fetch_all(db)
            .await?;
    let read = |(name, state, taken_at, world)| {
        let rows = Rows::in_file(world);
        let snapshot = Snapshot {
            rows,
            state,
            taken_at,
            bytes: 0,
        };
        (name, snapshot)
    };
    Ok(rows.into_iter().map(read).collect())
}

fn put(sandbox: &str, name: &str, snapshot: &Snapshot) -> Statement {
    Statement::new(
        "insert or replace into snapshots (sandbox, name, state, taken_at, world) values (?, ?, ?, ?, ?)",
    )
    .bind(sandbox)
    .bind(name)
    .bind(&snapshot.state)
    .bind(snapshot.taken_at)
    .bind(snapshot.rows.key())
}

fn delete(sandbox: &str, name: &str) -> Statement {
    Statement::new("delete from snapshots where sandbox = ? and name = ?")
        .bind(sandbox)
        .bind(name)
}

pub(super) fn delete_all(sandbox: &str) -> Statement {
    Statement::new("delete from snapshots where sandbox = ?").bind(sandbox)
}

/// At most so many snapshots in one sandbox, and in all: each is a copy of all rows.
const MOST_OF_SANDBOX: usize = 100;
const MOST: usize = 10_000;

/// The most bytes that all snapshots have together.
const MAX_BYTES: usize = 128 * 1024 * 1024;

impl Catalogue {
    /// That there is room for a snapshot of this name. One that takes the place of another needs none.
    fn room_for_snapshot(&self, sandbox: &str, name: &str, bytes: usize) -> Result<(), StoreError> {
        let all = self.sandboxes.iter().flat_map(|(owner, kept)| {
            let others = kept.snapshots.iter();
            others.filter(move |(other, _)| (owner.as_str(), other.as_str()) != (sandbox, name))
        });
        let all: usize = all.map(|(_, snapshot)| snapshot.bytes).sum();
        if all + bytes > MAX_BYTES {
            let what = "bytes in the snapshots of all sandboxes";
            return Err(StoreError::Full {
                what,
                most: MAX_BYTES,
            });
        }
        let Some(kept) = self.sandboxes.get(sandbox) else {
            return Ok(());
        };
        if kept.snapshots.contains_key(name) {
            return Ok(());
        }
        let own = kept.snapshots.len();
        full(own, MOST_OF_SANDBOX, "snapshots in this sandbox")?;
        let all = self.sandboxes.values().map(|kept| kept.snapshots.len());
        full(all.sum(), MOST, "snapshots in all sandboxes")
    }
}

impl Store {
    /// Stores a sandbox's rows under a name, in place of those stored before. Returns the key of the world of those, which
    /// is to be removed. `state`, asked for when the rows are copied, gives the rest of the sandbox as JSON text, and the
    /// time. Nothing is stored for a sandbox that has been deleted, or has moved on, in the meantime. Errors: there are as
    /// many snapshots as there may be.
    pub(crate) async fn take_snapshot(
        &self,
        sandbox: &str,
        world: &Rows,
        name: &str,
        state: impl FnOnce() -> (String, Timestamp),
    ) -> Result<Option<String>, StoreError> {
        let row_bytes = world.read().size_in_bytes();
        let planned = self
            .leave()
            .await?
            .plan(|catalogue, pen| {
                if catalogue.sandbox_in(sandbox, world).is_none() {
                    return Ok(None);
                }
                let (state, taken_at) = state();
                let bytes = row_bytes + state.len();
                catalogue.room_for_snapshot(sandbox, name, bytes)?;
                let known = catalogue.sandbox_in(sandbox, world);
                let before = known.and_then(|known| known.snapshots.get(name).map(Snapshot::key));
                let snapshot = Snapshot {
                    rows: catalogue.begin(Origin::World(world), pen),
                    state,
                    taken_at,
                    bytes,
                };
                pen.note(|| put(sandbox, name, &snapshot));
                if let Some(before) = &before {
                    pen.note(|| mark_retired(before));
                }
                Ok::<_, StoreError>(Some((snapshot, before)))
            })
            .kept()
            .await??;
        let Some((snapshot, before)) = planned else {
            return Ok(None);
        };
        let mut catalogue = self.catalogue();
        if let Some(known) = catalogue.sandbox_in(sandbox, world) {
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

    /// Moves a sandbox to a new world with the rows of a snapshot, which is returned. None if there is no such sandbox or
    /// snapshot any more.
    pub(crate) async fn restore_snapshot(
        &self,
        sandbox: &str,
        world: &Rows,
        name: &str,
        clock: &str,
    ) -> Result<Option<Arc<Rows>>, StoreError> {
        let stored = {
            let catalogue = self.catalogue();
            let snapshots = catalogue.sandboxes.get(sandbox).map(|kept| &kept.snapshots);
            let snapshot = snapshots.and_then(|snapshots| snapshots.get(name));
            snapshot.map(|snapshot| Arc::clone(&snapshot.rows))
        };
        match stored {
            None => Ok(None),
            Some(rows) => {
                self.begin_anew(sandbox, world, Origin::World(&rows), clock)
                    .await
            }
        }
    }

    /// The snapshots of a sandbox, by name.
    pub(crate) fn list_snapshots(&self, sandbox: &str) -> Vec<Listed> {
        let catalogue = self.catalogue();
        let kept = catalogue.sandboxes.get(sandbox);
        kept.into_iter()
            .flat_map(|kept| &kept.snapshots)
            .map(|(name, snapshot)| (name.clone(), snapshot.taken_at))
            .collect()
    }

    /// Deletes a snapshot. Returns the key of its world, which is to be removed; none if there was no such snapshot.
    pub(crate) async fn delete_snapshot(
        &self,
        sandbox: &str,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let key = self
            .leave()
            .await?
            .plan(|catalogue, pen| {
                let known = catalogue.sandboxes.get(sandbox)?;
                let key = known.snapshots.get(name)?.key();
                pen.note(|| delete(sandbox, name));
                pen.note(|| mark_retired(&key));
                Some(key)
            })
            .kept()
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
