//! The `snapshots` table: a snapshot is a world of its own, copied from a sandbox's.

use super::sandboxes::move_on;
use super::worlds::{Origin, begin, retire};
use super::{Store, StoreError};
use crate::protocol::time::Timestamp;

/// A snapshot as it is listed.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Snapshot {
    pub(crate) name: String,
    pub(crate) taken_at: Timestamp,
}

/// What of a snapshot is not rows, as JSON text, and when it was taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken<'a> {
    pub(crate) state: &'a str,
    pub(crate) at: Timestamp,
}

impl Store {
    /// Keeps a sandbox's rows under a name, in place of those kept before. What comes back is the world of those,
    /// which is to be removed.
    pub(crate) async fn take_snapshot(
        &self,
        sandbox: &str,
        world: &str,
        name: &str,
        taken: Taken<'_>,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let before: Option<String> =
            sqlx::query_scalar("select world from snapshots where sandbox = ? and name = ?")
                .bind(sandbox)
                .bind(name)
                .fetch_optional(&mut *tx)
                .await?;
        if let Some(before) = &before {
            retire(&mut tx, before).await?;
        }
        let copy = begin(&mut tx, Origin::World(world)).await?;
        // Nothing is kept for a sandbox that has gone, or gone on, in the meantime.
        let done = sqlx::query(
            "insert into snapshots (sandbox, name, state, taken_at, world)
             select name, ?3, ?4, ?5, ?6 from sandboxes where name = ?1 and world = ?2
             on conflict (sandbox, name) do update set
                 state = excluded.state, taken_at = excluded.taken_at, world = excluded.world",
        )
        .bind(sandbox)
        .bind(world)
        .bind(name)
        .bind(taken.state)
        .bind(taken.at)
        .bind(copy)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(None);
        }
        tx.commit().await?;
        Ok(before)
    }

    /// What of a snapshot is not rows.
    pub(crate) async fn snapshot_state(
        &self,
        sandbox: &str,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let state =
            sqlx::query_scalar("select state from snapshots where sandbox = ? and name = ?")
                .bind(sandbox)
                .bind(name)
                .fetch_optional(&self.pool)
                .await?;
        Ok(state)
    }

    /// Moves a sandbox to a new world with the rows of a snapshot. What comes back is that world; nothing where
    /// sandbox or snapshot are gone.
    pub(crate) async fn restore_snapshot(
        &self,
        sandbox: &str,
        world: &str,
        name: &str,
        clock: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let kept: Option<String> =
            sqlx::query_scalar("select world from snapshots where sandbox = ? and name = ?")
                .bind(sandbox)
                .bind(name)
                .fetch_optional(&mut *tx)
                .await?;
        let Some(kept) = kept else {
            return Ok(None);
        };
        let new = begin(&mut tx, Origin::World(&kept)).await?;
        if !move_on(&mut tx, sandbox, (world, &new), clock).await? {
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(new))
    }

    /// The snapshots of a sandbox, by name.
    pub(crate) async fn list_snapshots(&self, sandbox: &str) -> Result<Vec<Snapshot>, StoreError> {
        let found =
            sqlx::query_as("select name, taken_at from snapshots where sandbox = ? order by name")
                .bind(sandbox)
                .fetch_all(&self.pool)
                .await?;
        Ok(found)
    }

    /// Forgets a snapshot. What comes back is its world, which is to be removed; nothing where there was none.
    pub(crate) async fn delete_snapshot(
        &self,
        sandbox: &str,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let world: Option<String> = sqlx::query_scalar(
            "delete from snapshots where sandbox = ? and name = ? returning world",
        )
        .bind(sandbox)
        .bind(name)
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(world) = &world {
            retire(&mut tx, world).await?;
        }
        tx.commit().await?;
        Ok(world)
    }
}
