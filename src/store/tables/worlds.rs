//! The `worlds` table: the keys of sandboxes' data, and the statements that copy and delete all rows of a key.

use crate::store::error::StoreError;
use crate::store::statement::Statement;
use sqlx::SqliteConnection;
use std::collections::HashMap;
use std::sync::Arc;

/// A table whose rows belong to worlds, with the statements that concern all of a sandbox's rows.
pub(crate) struct Table {
    #[cfg(test)]
    name: &'static str,
    copy: &'static str,
    empty_some: &'static str,
    any: &'static str,
    /// The bytes of each world that a snapshot or a seed has.
    sizes: &'static str,
}

impl Table {
    /// Copies all rows of one sandbox's data to another.
    pub(crate) fn copy_rows(&self, from: &str, to: &Arc<str>) -> Statement {
        Statement::new(self.copy).bind(from).bind(to)
    }

    /// Deletes at most `purge_batch!` rows of a sandbox's data.
    pub(crate) fn delete_some(&self, key: &str) -> Statement {
        Statement::new(self.empty_some).bind(key)
    }

    /// Whether any row of a sandbox's data is left.
    pub(crate) async fn has_rows(
        &self,
        db: &mut SqliteConnection,
        key: &str,
    ) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar(self.any)
            .bind(key)
            .fetch_optional(db)
            .await?;
        Ok(found.is_some())
    }
}

/// How many rows of a table are deleted at once: other writes wait only for that long.
macro_rules! purge_batch {
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
                purge_batch!(),
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

/// Each table, its key within a sandbox, its other columns, and the approximate bytes of a row.
#[rustfmt::skip]
pub(crate) const TABLES: [Table; 10] = [
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

pub(crate) fn insert(id: i64, key: &str) -> Statement {
    Statement::new("insert or replace into worlds (id, key) values (?, ?)")
        .bind(id)
        .bind(key)
}

pub(crate) fn mark_retired(key: &str) -> Statement {
    Statement::new("update worlds set retired = 1 where key = ?").bind(key)
}

pub(crate) fn delete(key: &str) -> Statement {
    Statement::new("delete from worlds where key = ? and retired = 1").bind(key)
}

/// The worlds of a file: how many there have ever been, and those that are of no more use – what an earlier run has left
/// behind, in whatever state it ended.
pub(crate) async fn read(db: &mut SqliteConnection) -> Result<(i64, Vec<String>), StoreError> {
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
pub(crate) async fn sizes(db: &mut SqliteConnection) -> Result<HashMap<String, usize>, StoreError> {
    let mut sizes = HashMap::new();
    for table in &TABLES {
        let rows: Vec<(String, i64)> = sqlx::query_as(table.sizes).fetch_all(&mut *db).await?;
        for (world, bytes) in rows {
            *sizes.entry(world).or_default() += usize::try_from(bytes).unwrap_or_default();
        }
    }
    Ok(sizes)
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
