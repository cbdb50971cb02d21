//! The `snapshots` table: a snapshot is a world of its own, copied from a sandbox's.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::sandboxes::Catalogue;
use super::statement::Statement;
use super::worlds::{Origin, Start, mark_retired};
use super::{Changed, Leave, Rows, Store, StoreError, full};
use crate::protocol::time::Timestamp;

/// A snapshot as it is kept.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) rows: Arc<Rows>,
    state: String,
    taken_at: Timestamp,
    /// The approximate bytes of rows and state.
    bytes: usize,
}

impl Snapshot {
    fn key(&self) -> String {
        self.rows.key().to_owned()
    }
}

/// A snapshot as it is listed: its name, and when it was taken.
pub(crate) type Listed = (String, Timestamp);

/// What a file has of a sandbox's snapshots. `sizes` are those of the worlds.
pub(super) async fn read(
    db: &mut SqliteConnection,
    sandbox: &str,
    sizes: &HashMap<String, usize>,
) -> Result<BTreeMap<String, Snapshot>, StoreError> {
    let rows: Vec<(String, String, Timestamp, String)> =
        sqlx::query_as("select name, state, taken_at, world from snapshots where sandbox = ?")
            .bind(sandbox)
            .fetch_all(db)
            .await?;
    let read = |(name, state, taken_at, world): (String, String, Timestamp, String)| {
        let row_bytes = sizes.get(&world).copied().unwrap_or_default();
        let snapshot = Snapshot {
            bytes: row_bytes + state.len(),
            rows: Rows::in_file(world),
            state,
            taken_at,
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
const MAX_BYTES: usize = if cfg!(test) {
    1024 * 1024
} else {
    128 * 1024 * 1024
};

impl Catalogue {
    /// Checks that there is room for a snapshot of this name, beside those that are being taken. One that takes the place
    /// of another counts only its bytes.
    fn check_room_for_snapshot(
        &mut self,
        sandbox: &str,
        name: &str,
        bytes: usize,
    ) -> Result<(), StoreError> {
        let (planned, planned_bytes) = self.planned_snapshots.sum();
        let all = self.sandboxes.iter().flat_map(|(owner, kept)| {
            let others = kept.snapshots.iter();
            others.filter(move |(other, _)| (owner.as_str(), other.as_str()) != (sandbox, name))
        });
        let all: usize = all.map(|(_, snapshot)| snapshot.bytes).sum();
        if all + planned_bytes + bytes > MAX_BYTES {
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
        let all = all.sum::<usize>() + planned;
        full(all, MOST, "snapshots in all sandboxes")
    }
}

/// A snapshot that is not committed yet, the key of the world of the one that it replaces, and its bytes.
type PlannedSnapshot = Option<(Snapshot, Option<String>, Arc<usize>)>;

impl<'a> Leave<'a> {
    /// Plans a snapshot; none if the sandbox has been deleted or has moved on.
    fn plan_snapshot(
        self,
        sandbox: &str,
        world: &Rows,
        name: &str,
        state: impl FnOnce() -> (String, Timestamp),
    ) -> Changed<'a, Result<PlannedSnapshot, StoreError>> {
        // Before the rows are locked: faults look users up while they are locked themselves.
        let (state, taken_at) = state();
        let mut pen = self.pen();
        let tables = pen.copy(world);
        let bytes = tables.size_in_bytes() + state.len();
        let start = Start::Copy(world, Box::new(tables));
        self.plan_with(pen, |catalogue, pen| {
            let Some(known) = catalogue.sandbox_in(sandbox, world) else {
                return Ok(None);
            };
            let before = known.snapshots.get(name).map(Snapshot::key);
            catalogue.check_room_for_snapshot(sandbox, name, bytes)?;
            let snapshot = Snapshot {
                rows: catalogue.begin(start, pen),
                state,
                taken_at,
                bytes,
            };
            pen.note(|| put(sandbox, name, &snapshot));
            if let Some(before) = &before {
                pen.note(|| mark_retired(before));
            }
            let planned = catalogue.planned_snapshots.add(bytes);
            Ok(Some((snapshot, before, planned)))
        })
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
        let planned = self
            .leave()
            .await?
            .plan_snapshot(sandbox, world, name, state)
            .kept()
            .await??;
        let Some((snapshot, before, _planned)) = planned else {
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

#[cfg(test)]
mod tests {
    use super::super::growth::tests::insert;
    use super::super::refused::World;
    use super::*;

    /// The names and the bytes of all snapshots.
    fn snapshots(store: &Store) -> Vec<(String, usize)> {
        let catalogue = store.catalogue();
        let all = catalogue
            .sandboxes
            .values()
            .flat_map(|kept| &kept.snapshots);
        all.map(|(name, snapshot)| (name.clone(), snapshot.bytes))
            .collect()
    }

    #[tokio::test]
    async fn parallel_snapshots_stay_within_the_bound_of_bytes_also_after_a_restart() {
        let world = World::new("snapshot-bytes").await;
        let (store, rows) = (&world.store, &world.rows);
        let state = || ("x".repeat(300 * 1024), Timestamp(1));
        let take = async |name| store.take_snapshot("x", rows, name, state).await;
        let taken = tokio::join!(take("a"), take("b"), take("c"), take("d"), take("e"));
        let refused = [&taken.0, &taken.1, &taken.2, &taken.3, &taken.4];
        let refused: Vec<String> = refused
            .into_iter()
            .filter_map(|taken| Some(taken.as_ref().err()?.to_string()))
            .collect();
        let full = "there are 1048576 bytes in the snapshots of all sandboxes already, and there may be no more";
        assert_eq!(refused, [full, full]);
        assert_eq!(snapshots(store).len(), 3);
        store.close().await;
        let store = Store::open(&world.database).await.unwrap();
        let row = store.find_sandbox("x").await.unwrap().unwrap();
        let more = store.take_snapshot("x", &row.world, "d", state).await;
        assert_eq!(more.unwrap_err().to_string(), full);
        // In place of another.
        let again = store.take_snapshot("x", &row.world, "a", state).await;
        assert!(again.unwrap().is_some());
        store.close().await;
    }

    #[tokio::test]
    async fn a_snapshot_has_as_many_bytes_after_a_restart() {
        let world = World::new("snapshot-size").await;
        let (store, rows) = (&world.store, &world.rows);
        for (kind, number) in ["codes", "tokens", "device codes", "sessions", "consents"]
            .into_iter()
            .zip(1..)
        {
            insert((store, rows), kind, 10 * number, Timestamp(0))
                .await
                .unwrap();
        }
        let state = || ("{}".to_owned(), Timestamp(1));
        store.take_snapshot("x", rows, "s", state).await.unwrap();
        let taken = snapshots(store);
        store.close().await;
        let store = Store::open(&world.database).await.unwrap();
        assert_eq!(snapshots(&store), taken);
        assert!(taken[0].1 > 1000, "{taken:?}");
        store.close().await;
    }
}
