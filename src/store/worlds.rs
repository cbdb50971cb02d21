//! The `worlds` table, and what concerns all rows of a world at once: fill it, copy it, read it, empty it. What is in it
//! is in the neighbours, one file per table; which world is a sandbox's is `sandboxes.rs`.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::accounts::Accounts;
use super::clients::Clients;
use super::codes::Codes;
use super::consents::Consents;
use super::devices::Devices;
use super::draft::{Draft, Pen};
use super::rows::{ROW_BYTES, Tables};
use super::sandboxes::Catalogue;
use super::sessions::Sessions;
use super::spends::Spends;
use super::statement::Statement;
use super::tokens::Tokens;
use super::users::{self, Users};
use super::workflows::Workflows;
use super::{Rows, Store, StoreError, to_json};
use crate::model::client::Client;
use crate::model::user::User;

/// The users and clients that a sandbox starts from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seed {
    pub(crate) users: Vec<User>,
    pub(crate) clients: Vec<Client>,
}

impl Seed {
    /// The approximate bytes of its rows, as [`Tables::size_in_bytes`] counts them.
    pub(super) fn size_in_bytes(&self) -> usize {
        let users = self.users.iter().map(|user| to_json(user).len());
        let clients = self.clients.iter().map(|client| to_json(client).len());
        let rows = users.chain(clients);
        rows.map(|bytes| ROW_BYTES + bytes).sum()
    }
}

/// What a new world starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin<'a> {
    Seed(&'a Seed),
    /// The rows of another world.
    World(&'a Rows),
}

/// A table whose rows belong to worlds, with the statements that concern all of a world's rows.
struct Table {
    #[cfg(test)]
    name: &'static str,
    copy: &'static str,
    empty_some: &'static str,
    any: &'static str,
    /// The bytes of each world that a snapshot or a seed has.
    sizes: &'static str,
}

/// How many rows of a table go at once: nobody waits long for the file because an old world is emptied.
macro_rules! bite {
    () => {
        "100"
    };
}

/// As [`Tables::size_in_bytes`] counts them, with the bytes of one row as an SQL expression.
macro_rules! table {
    ($name:literal, $key:literal, $others:literal, $bytes:literal) => {
        Table {
            #[cfg(test)]
            name: $name,
            copy: concat!(
                "insert or replace into ",
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
            any: concat!("select 1 from ", $name, " where sandbox = ?1 limit 1"),
            sizes: concat!(
                "select sandbox, sum(",
                $bytes,
                ") from ",
                $name,
                " where sandbox in (select world from snapshots union ",
                "select seed_world from sandboxes where seed_world is not null) group by sandbox"
            ),
        }
    };
}

/// Each table, its key within a world, its other columns, and the approximate bytes of a row.
#[rustfmt::skip]
const TABLES: [Table; 10] = [
    table!("users", "id", "username, deleted, document", "256 + octet_length(document)"),
    table!("clients", "id", "position, secret_hash, document", "256 + octet_length(document)"),
    table!("sessions", "hash", "user_id, expires_at", "256"),
    table!("consents", "user_id, client_id", "scope, buzz_limit, updated_at", "256 + coalesce(octet_length(buzz_limit), 0)"),
    table!("codes", "number", "hash, client_id, user_id, scope, redirect_uri, challenge, nonce, issued_at, expires_at, kept_until",
        "256 + octet_length(redirect_uri) + octet_length(challenge) + coalesce(octet_length(nonce), 0)"),
    table!("tokens", "number", "hash, kind, client_id, user_id, scope, issued_at, expires_at", "256"),
    table!("device_codes", "hash", "user_code_hash, client_id, scope, status, user_id, expires_at", "512"),
    table!("accounts", "user_id, currency", "balance, lifetime_balance", "0"),
    // In memory a step takes more than its names.
    table!("workflows", "id", "user_id, client_id, cost, steps, tags, metadata, submitted_at, finishes_at, canceled_at",
        "256 + 2 * (octet_length(steps) + octet_length(tags)) + octet_length(metadata)"),
    table!("spends", "workflow_id, currency", "user_id, client_id, amount, spent_at, forgiven", "256"),
];

fn insert(id: i64, key: &str) -> Statement {
    Statement::new("insert or replace into worlds (id, key) values (?, ?)")
        .bind(id)
        .bind(key)
}

pub(super) fn mark_retired(key: &str) -> Statement {
    Statement::new("update worlds set retired = 1 where key = ?").bind(key)
}

fn delete(key: &str) -> Statement {
    Statement::new("delete from worlds where key = ? and retired = 1").bind(key)
}

/// The worlds of a file: how many there have ever been, and those that are of no more use – what an earlier run has left
/// behind, in whatever state it ended.
pub(super) async fn read(db: &mut SqliteConnection) -> Result<(i64, Vec<String>), StoreError> {
    let last: Option<i64> =
        sqlx::query_scalar("select seq from sqlite_sequence where name = 'worlds'")
            .fetch_optional(&mut *db)
            .await?;
    sqlx::query(
        "update worlds set retired = 1 where retired = 0 and key not in
             (select world from sandboxes union select world from snapshots
              union select seed_world from sandboxes where seed_world is not null)",
    )
    .execute(&mut *db)
    .await?;
    let retired = sqlx::query_scalar("select key from worlds where retired = 1")
        .fetch_all(db)
        .await?;
    Ok((last.unwrap_or_default(), retired))
}

/// The approximate bytes of the worlds that snapshots and seeds have, by key.
pub(super) async fn sizes(db: &mut SqliteConnection) -> Result<HashMap<String, usize>, StoreError> {
    let mut sizes = HashMap::new();
    for table in &TABLES {
        let rows: Vec<(String, i64)> = sqlx::query_as(table.sizes).fetch_all(&mut *db).await?;
        for (world, bytes) in rows {
            *sizes.entry(world).or_default() += usize::try_from(bytes).unwrap_or_default();
        }
    }
    Ok(sizes)
}

/// The rows that a new world begins with.
pub(super) enum Start<'a> {
    Seed(&'a Seed),
    /// Those of a world, which [`Pen::copy`] has copied.
    Copy(&'a Rows, Box<Tables>),
}

impl<'a> Start<'a> {
    pub(super) fn new(origin: Origin<'a>, pen: &mut Pen<'a>) -> Self {
        match origin {
            Origin::Seed(seed) => Self::Seed(seed),
            Origin::World(from) => Self::Copy(from, Box::new(pen.copy(from))),
        }
    }
}

impl Catalogue {
    /// Begins a world, under a key that no other has had. Nothing finds it until the caller puts it somewhere.
    pub(super) fn begin(&mut self, start: Start<'_>, pen: &mut Pen<'_>) -> Arc<Rows> {
        // Used up even if the plan is refused.
        self.last_world += 1;
        let id = self.last_world;
        let key: Arc<str> = format!("#{id}").into();
        pen.note(|| insert(id, &key));
        let tables = match start {
            Start::Seed(seed) => {
                let mut tables = Tables::default();
                let mut draft = pen.draft(&key);
                sow(&mut tables, &mut draft, seed);
                pen.take(draft);
                tables
            }
            Start::Copy(from, mut tables) => {
                tables.pending = None;
                for table in &TABLES {
                    pen.note(|| Statement::new(table.copy).bind(from.key()).bind(&key));
                }
                *tables
            }
        };
        Rows::new(key, tables)
    }
}

/// Puts the users and clients of a seed into a world, in place of those of the same ids; what else is there stays. Whose
/// name somebody has who is not of the seed – who was deleted, say, and made again under the next id – is left out.
pub(super) fn sow(tables: &mut Tables, draft: &mut Draft<'_>, seed: &Seed) {
    // First of all: two of them may have changed names.
    let before: Vec<_> = seed
        .users
        .iter()
        .map(|user| tables.users.take_name(user, draft))
        .collect();
    let mut left_out = Vec::new();
    for (user, before) in seed.users.iter().zip(before) {
        if tables.users.put(user).is_err() {
            let (id, name) = (user.id, user.display_name());
            tracing::warn!(%id, name, "another user of the database has this name: the seed's is left out");
            left_out.extend(before);
            continue;
        }
        draft.note(|world| users::put(world, user));
        tables.accounts.open(user.id, user.buzz);
        tables.accounts.note(user.id, draft);
    }
    // Who was there goes on under their own name, unless that is one of the seed's now.
    for user in left_out {
        if tables.users.put(&user).is_ok() {
            draft.note(|world| users::put(world, &user));
        }
    }
    for client in &seed.clients {
        tables.put_client(client, draft);
    }
}

impl Store {
    /// Brings a world of an earlier run into memory.
    pub(super) async fn load(&self, world: &Rows) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            let mut loaded = world.loaded.lock().await;
            if !*loaded {
                let tables = file
                    .readers
                    .read(async |db| Tables::of_file(db, world.key()).await)
                    .await?;
                *world.write() = tables;
                *loaded = true;
            }
        }
        Ok(())
    }

    /// The worlds that are retired and not yet gone.
    pub(crate) fn retired_worlds(&self) -> Vec<String> {
        self.catalogue().retired.iter().cloned().collect()
    }

    /// Removes a retired world, bit by bit, so that others come to their turn between. Nobody may hold it any more.
    pub(crate) async fn remove_world(&self, key: &str) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            let mut left = TABLES.iter().collect::<Vec<_>>();
            while !left.is_empty() {
                self.leave()
                    .await?
                    .plan(|_, pen| {
                        for table in &left {
                            pen.note(|| Statement::new(table.empty_some).bind(key));
                        }
                    })
                    .kept()
                    .await?;
                let looks = async |db: &mut SqliteConnection| {
                    let mut more = Vec::new();
                    for table in &left {
                        let any = sqlx::query_scalar(table.any).bind(key);
                        let found: Option<i64> = any.fetch_optional(&mut *db).await?;
                        more.extend(found.map(|_| *table));
                    }
                    Ok(more)
                };
                left = file.readers.read(looks).await?;
            }
        }
        self.leave()
            .await?
            .plan(|_, pen| pen.note(|| delete(key)))
            .kept()
            .await?;
        self.catalogue().retired.remove(key);
        Ok(())
    }
}

impl Tables {
    /// What the file has of a world.
    pub(super) async fn of_file(
        db: &mut SqliteConnection,
        world: &str,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            pending: None,
            users: Users::read(db, world).await?,
            clients: Clients::read(db, world).await?,
            sessions: Sessions::read(db, world).await?,
            consents: Consents::read(db, world).await?,
            codes: Codes::read(db, world).await?,
            tokens: Tokens::read(db, world).await?,
            devices: Devices::read(db, world).await?,
            accounts: Accounts::read(db, world).await?,
            workflows: Workflows::read(db, world).await?,
            spends: Spends::read(db, world).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::ConnectOptions as _;
    use sqlx::sqlite::SqliteConnectOptions;

    #[tokio::test]
    async fn every_column_of_every_table_of_a_world_is_copied() {
        let memory = SqliteConnectOptions::new().in_memory(true);
        let mut db = memory.connect().await.unwrap();
        sqlx::migrate!().run(&mut db).await.unwrap();
        let columns: Vec<(String, String)> = sqlx::query_as(
            "select tables.name, columns.name from sqlite_schema tables, pragma_table_info(tables.name) columns
             where tables.type = 'table' and columns.name <> 'sandbox' and tables.name <> 'snapshots'
               and exists (select 1 from pragma_table_info(tables.name) where name = 'sandbox')",
        )
        .fetch_all(&mut db)
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
