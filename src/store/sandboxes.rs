//! The `sandboxes` table: which there are, in which world each one is, and what it goes back to.

use sqlx::{Sqlite, Transaction};

use super::worlds::{Origin, Seed, begin, retire, sow};
use super::{Store, StoreError};

/// A sandbox as it is kept.
#[derive(Debug, Clone, sqlx::FromRow)]
pub(crate) struct SandboxRow {
    /// What its rows are kept under.
    pub(crate) world: String,
    pub(crate) clock: String,
    /// The private key for id tokens; none where an older version made the sandbox.
    pub(crate) signing_key: Option<Vec<u8>>,
    /// The world that a reset goes back to, where that is not the server's seed.
    pub(crate) seed_world: Option<String>,
    /// The settings it was made with, where they are not the server's.
    pub(crate) settings: Option<String>,
}

/// What a new sandbox has that is not the server's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Own<'a> {
    pub(crate) seed: Option<&'a Seed>,
    pub(crate) settings: Option<&'a str>,
}

/// Moves a sandbox from one world to another, with the clock. Nothing where it is not in that one: it is gone, or
/// another call was faster.
pub(super) async fn move_on(
    tx: &mut Transaction<'_, Sqlite>,
    sandbox: &str,
    (from, to): (&str, &str),
    clock: &str,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("update sandboxes set world = ?, clock = ? where name = ? and world = ?")
            .bind(to)
            .bind(clock)
            .bind(sandbox)
            .bind(from)
            .execute(&mut **tx)
            .await?;
    retire(tx, from).await?;
    Ok(done.rows_affected() > 0)
}

impl Store {
    /// A sandbox that is in the database already.
    pub(crate) async fn find_sandbox(&self, name: &str) -> Result<Option<SandboxRow>, StoreError> {
        let row = sqlx::query_as(
            "select world, clock, signing_key, seed_world, settings from sandboxes where name = ?",
        )
        .bind(name)
        .fetch_optional(&self.pool)
        .await?;
        Ok(row)
    }

    /// The sandboxes that the database knows, by name.
    pub(crate) async fn list_sandboxes(&self) -> Result<Vec<String>, StoreError> {
        let names = sqlx::query_scalar("select name from sandboxes order by name")
            .fetch_all(&self.pool)
            .await?;
        Ok(names)
    }

    /// Makes a sandbox from its own seed, or else from the server's.
    pub(crate) async fn insert_sandbox(
        &self,
        name: &str,
        seed: &Seed,
        own: Own<'_>,
        (clock, signing_key): (&str, &[u8]),
    ) -> Result<SandboxRow, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let seed_world = match own.seed {
            Some(own) => Some(begin(&mut tx, Origin::Seed(own)).await?),
            None => None,
        };
        let origin = seed_world
            .as_deref()
            .map_or(Origin::Seed(seed), Origin::World);
        let world = begin(&mut tx, origin).await?;
        let row = sqlx::query_as(
            "insert into sandboxes (name, world, clock, signing_key, seed_world, settings)
             values (?, ?, ?, ?, ?, ?) returning world, clock, signing_key, seed_world, settings",
        )
        .bind(name)
        .bind(world)
        .bind(clock)
        .bind(signing_key)
        .bind(seed_world)
        .bind(own.settings)
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(row)
    }

    /// Brings a sandbox of an earlier run up to the server's seed of today: its users and clients in place of those
    /// of the same ids.
    pub(crate) async fn refresh_sandbox(
        &self,
        name: &str,
        seed: &Seed,
        world: &str,
        signing_key: &[u8],
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        sqlx::query("update sandboxes set signing_key = ? where name = ?")
            .bind(signing_key)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        sow(&mut tx, world, seed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Keeps the clock of a sandbox.
    pub(crate) async fn keep_clock(
        &self,
        name: &str,
        world: &str,
        clock: &str,
    ) -> Result<(), StoreError> {
        sqlx::query("update sandboxes set clock = ? where name = ? and world = ?")
            .bind(clock)
            .bind(name)
            .bind(world)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Begins a sandbox anew. What comes back is its new world; nothing where it is gone.
    pub(crate) async fn begin_anew(
        &self,
        name: &str,
        world: &str,
        origin: Origin<'_>,
        clock: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let new = begin(&mut tx, origin).await?;
        if !move_on(&mut tx, name, (world, &new), clock).await? {
            return Ok(None);
        }
        tx.commit().await?;
        Ok(Some(new))
    }

    /// Removes a sandbox and its snapshots. What comes back is the worlds that are to be removed: nothing where
    /// there was no such sandbox.
    pub(crate) async fn delete_sandbox(&self, name: &str) -> Result<Vec<String>, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let mut worlds: Vec<String> =
            sqlx::query_scalar("delete from snapshots where sandbox = ? returning world")
                .bind(name)
                .fetch_all(&mut *tx)
                .await?;
        let row: Option<(String, Option<String>)> =
            sqlx::query_as("delete from sandboxes where name = ? returning world, seed_world")
                .bind(name)
                .fetch_optional(&mut *tx)
                .await?;
        if let Some((world, seed_world)) = row {
            worlds.push(world);
            worlds.extend(seed_world);
        }
        for world in &worlds {
            retire(&mut tx, world).await?;
        }
        tx.commit().await?;
        Ok(worlds)
    }
}
