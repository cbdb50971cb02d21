//! The `sandboxes` table, and what concerns a whole sandbox at once: fill it, empty it. What is in it is in
//! the neighbours, one file per table.

use sqlx::{Sqlite, Transaction};

use super::{Store, StoreError, clients, users};
use crate::model::client::Client;
use crate::model::user::User;

/// What a sandbox starts from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seed {
    pub(crate) users: Vec<User>,
    pub(crate) clients: Vec<Client>,
}

/// What a sandbox is, besides its rows.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) clock: String,
    /// The private key for id tokens; none where an older version made the sandbox.
    pub(crate) signing_key: Option<Vec<u8>>,
}

impl Store {
    /// A sandbox that is in the database already.
    pub(crate) async fn find_world(&self, sandbox: &str) -> Result<Option<World>, StoreError> {
        let row: Option<(String, Option<Vec<u8>>)> =
            sqlx::query_as("select clock, signing_key from sandboxes where name = ?")
                .bind(sandbox)
                .fetch_optional(&self.pool)
                .await?;
        Ok(row.map(|(clock, signing_key)| World { clock, signing_key }))
    }

    /// Keeps the clock of a sandbox.
    pub(crate) async fn keep_clock(&self, sandbox: &str, clock: &str) -> Result<(), StoreError> {
        sqlx::query("update sandboxes set clock = ? where name = ?")
            .bind(clock)
            .bind(sandbox)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Puts the users and clients of the seed into a sandbox, in place of those of the same ids; what else
    /// is there stays. The sandbox itself is kept as `world` says.
    pub(crate) async fn plant(
        &self,
        sandbox: &str,
        seed: &Seed,
        world: &World,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        sqlx::query(
            "insert into sandboxes (name, clock, signing_key) values (?, ?, ?)
             on conflict (name) do update set
                 clock = excluded.clock, signing_key = excluded.signing_key",
        )
        .bind(sandbox)
        .bind(&world.clock)
        .bind(&world.signing_key)
        .execute(&mut *tx)
        .await?;
        sow(&mut tx, sandbox, seed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Removes a sandbox and its snapshots.
    pub(crate) async fn uproot(&self, sandbox: &str) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let snapshots: Vec<String> =
            sqlx::query_scalar("delete from snapshots where sandbox = ? returning name")
                .bind(sandbox)
                .fetch_all(&mut *tx)
                .await?;
        for name in snapshots {
            empty(&mut tx, &format!("{sandbox}@{name}")).await?;
        }
        empty(&mut tx, sandbox).await?;
        sqlx::query("delete from sandboxes where name = ?")
            .bind(sandbox)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// The sandboxes that the database knows, by name.
    pub(crate) async fn list_worlds(&self) -> Result<Vec<String>, StoreError> {
        let names = sqlx::query_scalar("select name from sandboxes order by name")
            .fetch_all(&self.pool)
            .await?;
        Ok(names)
    }

    /// Empties a sandbox and plants the seed anew.
    pub(crate) async fn replant(
        &self,
        sandbox: &str,
        seed: &Seed,
        clock: &str,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        empty(&mut tx, sandbox).await?;
        sqlx::query("update sandboxes set clock = ? where name = ?")
            .bind(clock)
            .bind(sandbox)
            .execute(&mut *tx)
            .await?;
        sow(&mut tx, sandbox, seed).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// Removes every row of a sandbox but the sandbox itself.
pub(super) async fn empty(
    tx: &mut Transaction<'_, Sqlite>,
    sandbox: &str,
) -> Result<(), StoreError> {
    for statement in [
        "delete from users where sandbox = ?",
        "delete from clients where sandbox = ?",
        "delete from sessions where sandbox = ?",
        "delete from consents where sandbox = ?",
        "delete from codes where sandbox = ?",
        "delete from device_codes where sandbox = ?",
        "delete from tokens where sandbox = ?",
    ] {
        sqlx::query(statement)
            .bind(sandbox)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

async fn sow(
    tx: &mut Transaction<'_, Sqlite>,
    sandbox: &str,
    seed: &Seed,
) -> Result<(), StoreError> {
    for user in &seed.users {
        users::put(&mut **tx, sandbox, user).await.map_err(|why| {
            if why.is_taken() {
                StoreError::SecondName {
                    id: user.id.0,
                    name: user.display_name(),
                }
            } else {
                why
            }
        })?;
    }
    for client in &seed.clients {
        clients::put(&mut **tx, sandbox, client).await?;
    }
    Ok(())
}
