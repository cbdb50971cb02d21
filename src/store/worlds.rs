//! The `worlds` table, and what concerns all rows of a world at once: fill it, copy it, empty it. What is in it is
//! in the neighbours, one file per table; which world is a sandbox's is `sandboxes.rs`.

use sqlx::{Sqlite, Transaction};

use super::{Store, StoreError, accounts, clients, users};
use crate::model::client::Client;
use crate::model::user::User;

/// The users and clients that a sandbox starts from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seed {
    pub(crate) users: Vec<User>,
    pub(crate) clients: Vec<Client>,
}

/// What a new world starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    Seed(&'a Seed),
    /// The rows of another world.
    World(&'a str),
}

/// A table whose rows belong to worlds, with the statements that concern all of a world's rows.
struct Table {
    #[cfg(test)]
    name: &'static str,
    copy: &'static str,
    empty_some: &'static str,
}

/// How many rows of a table go at once: nobody waits long for the database because an old world is emptied.
macro_rules! bite {
    () => {
        "500"
    };
}

macro_rules! table {
    ($name:literal, $key:literal, $others:literal) => {
        Table {
            #[cfg(test)]
            name: $name,
            copy: concat!(
                "insert into ",
                $name,
                " (sandbox, ",
                $key,
                ", ",
                $others,
                ") ",
                "select ?2, ",
                $key,
                ", ",
                $others,
                " from ",
                $name,
                " where sandbox = ?1"
            ),
            empty_some: concat!(
                "delete from ",
                $name,
                " where sandbox = ?1 and (",
                $key,
                ") in ",
                "(select ",
                $key,
                " from ",
                $name,
                " where sandbox = ?1 limit ",
                bite!(),
                ")"
            ),
        }
    };
}

/// Each table, its key within a world, and its other columns.
#[rustfmt::skip]
const TABLES: [Table; 10] = [
    table!("users", "id", "username, deleted, document"),
    table!("clients", "id", "position, secret_hash, document"),
    table!("sessions", "hash", "user_id, expires_at"),
    table!("consents", "user_id, client_id", "scope, buzz_limit, updated_at"),
    table!("codes", "hash", "client_id, user_id, scope, redirect_uri, challenge, nonce, issued_at, expires_at, kept_until"),
    table!("tokens", "hash", "kind, client_id, user_id, scope, issued_at, expires_at"),
    table!("device_codes", "hash", "user_code_hash, client_id, scope, status, user_id, expires_at"),
    table!("accounts", "user_id, currency", "balance, lifetime_balance"),
    table!("workflows", "id", "user_id, client_id, cost, steps, finishes_at"),
    table!("spends", "workflow_id, currency", "user_id, client_id, amount, spent_at, forgiven"),
];

/// Begins a world. What comes back is its key, which no other world has had.
pub(super) async fn begin(
    tx: &mut Transaction<'_, Sqlite>,
    origin: Origin<'_>,
) -> Result<String, StoreError> {
    let key: String = sqlx::query_scalar(
        "insert into worlds (key)
         values ('#' || (select coalesce(max(seq), 0) + 1 from sqlite_sequence where name = 'worlds'))
         returning key",
    )
    .fetch_one(&mut **tx)
    .await?;
    match origin {
        Origin::Seed(seed) => sow(tx, &key, seed).await?,
        Origin::World(from) => {
            for table in &TABLES {
                sqlx::query(table.copy)
                    .bind(from)
                    .bind(&key)
                    .execute(&mut **tx)
                    .await?;
            }
        }
    }
    Ok(key)
}

/// Says that nobody begins anything in a world any more.
pub(super) async fn retire(tx: &mut Transaction<'_, Sqlite>, key: &str) -> Result<(), StoreError> {
    sqlx::query("update worlds set retired = 1 where key = ?")
        .bind(key)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

/// Puts the users and clients of a seed into a world, in place of those of the same ids; what else is there stays.
pub(super) async fn sow(
    tx: &mut Transaction<'_, Sqlite>,
    world: &str,
    seed: &Seed,
) -> Result<(), StoreError> {
    for user in &seed.users {
        users::put(&mut **tx, world, user).await.map_err(|why| {
            if why.is_taken() {
                StoreError::SecondName {
                    id: user.id.0,
                    name: user.display_name(),
                }
            } else {
                why
            }
        })?;
        // Whose accounts are there already has spent of them, maybe.
        accounts::open(&mut **tx, world, user.id, user.buzz).await?;
    }
    for client in &seed.clients {
        clients::put(&mut **tx, world, client).await?;
    }
    Ok(())
}

impl Store {
    /// The worlds that are retired and not yet gone: what an earlier run has left behind.
    pub(crate) async fn retired_worlds(&self) -> Result<Vec<String>, StoreError> {
        let keys = sqlx::query_scalar("select key from worlds where retired = 1")
            .fetch_all(&self.pool)
            .await?;
        Ok(keys)
    }

    /// Removes a retired world, bit by bit, so that others come to their turn between. Nobody may hold it any more.
    pub(crate) async fn remove_world(&self, key: &str) -> Result<(), StoreError> {
        for table in &TABLES {
            loop {
                let done = sqlx::query(table.empty_some)
                    .bind(key)
                    .execute(&self.pool)
                    .await?;
                if done.rows_affected() == 0 {
                    break;
                }
            }
        }
        sqlx::query("delete from worlds where key = ? and retired = 1")
            .bind(key)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Database;

    #[tokio::test]
    async fn every_column_of_every_table_of_a_world_is_copied() {
        let store = Store::open(&Database::Memory).await.unwrap();
        let columns: Vec<(String, String)> = sqlx::query_as(
            "select tables.name, columns.name from sqlite_schema tables, pragma_table_info(tables.name) columns
             where tables.type = 'table' and columns.name <> 'sandbox' and tables.name <> 'snapshots'
               and exists (select 1 from pragma_table_info(tables.name) where name = 'sandbox')",
        )
        .fetch_all(&store.pool)
        .await
        .unwrap();
        assert!(columns.len() > 30, "{columns:?}");
        for (name, column) in columns {
            let table = TABLES.iter().find(|table| table.name == name);
            let table = table.unwrap_or_else(|| panic!("{name} is not in the list"));
            let words = table.copy.split([' ', ',', '(', ')']);
            assert_eq!(
                words.filter(|word| *word == column).count(),
                2,
                "{name}.{column}"
            );
        }
    }
}
