//! The `snapshots` table: a snapshot is a world of its own, copied from a sandbox's.

use std::collections::BTreeMap;
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::sandboxes::Catalogue;
use super::statement::Statement;
use super::worlds::Origin;
use super::{Done, Rows, Store, StoreError, full};
use crate::protocol::time::Timestamp;

/// A snapshot as it is kept.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) rows: Arc<Rows>,
    state: String,
    taken_at: Timestamp,
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

impl Catalogue {
    /// That there is room for a snapshot of this name. One that takes the place of another needs none.
    fn room_for_snapshot(&self, sandbox: &str, name: &str) -> Result<(), StoreError> {
        let Some(kept) = self.sandboxes.get(sandbox) else {
            return Ok(());
        };
        if kept.snapshots.contains_key(name) {
            return Ok(());
        }
        let own = kept.snapshots.len();
        full(own, Some(MOST_OF_SANDBOX), "snapshots in this sandbox")?;
        let all = self.sandboxes.values().map(|kept| kept.snapshots.len());
        full(all.sum(), Some(MOST), "snapshots in all sandboxes")
    }
}

impl Store {
    /// Keeps a sandbox's rows under a name, in place of those kept before. What comes back is the world of those,
    /// which is to be removed. What is not rows, as JSON text, and the time are asked for when the rows are copied. Nothing
    /// is kept for a sandbox that has gone, or gone on, in the meantime. Errors: there are as many as there may be.
    pub(crate) async fn take_snapshot(
        &self,
        sandbox: &str,
        world: &Rows,
        name: &str,
        state: impl FnOnce() -> (String, Timestamp),
    ) -> Result<Done<Option<String>>, StoreError> {
        let leave = self.leave().await?;
        let Done { what, kept } = leave
            .rewrite(|catalogue, pen| {
                if catalogue.sandbox_in(sandbox, world).is_none() {
                    return Ok(None);
                }
                catalogue.room_for_snapshot(sandbox, name)?;
                let (state, taken_at) = state();
                let snapshot = Snapshot {
                    rows: catalogue.begin(Origin::World(world), pen),
                    state,
                    taken_at,
                };
                pen.note(|| put(sandbox, name, &snapshot));
                let kept = catalogue.sandboxes.get_mut(sandbox);
                let before = kept.and_then(|kept| kept.snapshots.insert(name.to_owned(), snapshot));
                Ok(before.map(|before| {
                    let key = before.rows.key().to_owned();
                    catalogue.retire(&key, pen);
                    key
                }))
            })
            .settled()
            .await;
        what.map(|what| Done { what, kept })
    }

    /// What of a snapshot is not rows.
    pub(crate) fn snapshot_state(&self, sandbox: &str, name: &str) -> Option<String> {
        let catalogue = self.catalogue();
        let snapshot = catalogue.sandboxes.get(sandbox)?.snapshots.get(name)?;
        Some(snapshot.state.clone())
    }

    /// Moves a sandbox to a new world with the rows of a snapshot. What comes back is that world; nothing where
    /// sandbox or snapshot are gone.
    pub(crate) async fn restore_snapshot(
        &self,
        sandbox: &str,
        world: &Rows,
        name: &str,
        clock: &str,
    ) -> Result<Done<Option<Arc<Rows>>>, StoreError> {
        let kept = {
            let catalogue = self.catalogue();
            let snapshots = catalogue.sandboxes.get(sandbox).map(|kept| &kept.snapshots);
            let snapshot = snapshots.and_then(|snapshots| snapshots.get(name));
            snapshot.map(|snapshot| Arc::clone(&snapshot.rows))
        };
        let Some(kept) = kept else {
            return Ok(Done {
                what: None,
                kept: Ok(()),
            });
        };
        self.begin_anew(sandbox, world, Origin::World(&kept), clock)
            .await
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

    /// Forgets a snapshot. What comes back is its world, which is to be removed; nothing where there was none.
    pub(crate) async fn delete_snapshot(
        &self,
        sandbox: &str,
        name: &str,
    ) -> Result<Done<Option<String>>, StoreError> {
        let leave = self.leave().await?;
        Ok(leave
            .rewrite(|catalogue, pen| {
                let kept = catalogue.sandboxes.get_mut(sandbox)?;
                let snapshot = kept.snapshots.remove(name)?;
                pen.note(|| delete(sandbox, name));
                let key = snapshot.rows.key().to_owned();
                catalogue.retire(&key, pen);
                Some(key)
            })
            .settled()
            .await)
    }
}
