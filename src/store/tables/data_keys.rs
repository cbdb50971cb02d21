//! The `data_keys` table: the keys of sandboxes' data, and the statements that copy and delete all rows of a key.

use crate::store::error::StoreError;
use crate::store::statement::Statement;
use sqlx::SqliteConnection;
use std::collections::HashMap;
use std::sync::Arc;

/// A table whose rows belong to a data key, with the statements for all rows of a key.
pub(crate) struct Table {
    #[cfg(test)]
    name: &'static str,
    copy: &'static str,
    empty_some: &'static str,
    any: &'static str,
    /// The bytes of the rows of each key that a snapshot or a seed has.
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

/// How many rows of a table are deleted at once, so that other writes do not wait for long.
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
                " where sandbox in (select data_key from snapshots union ",
                "select seed_data_key from sandboxes where seed_data_key is not null) group by sandbox"
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
    Statement::new("insert or replace into data_keys (id, key) values (?, ?)")
        .bind(id)
        .bind(key)
}

pub(crate) fn mark_retired(key: &str) -> Statement {
    Statement::new("update data_keys set retired = 1 where key = ?").bind(key)
}

pub(crate) fn delete(key: &str) -> Statement {
    Statement::new("delete from data_keys where key = ? and retired = 1").bind(key)
}

/// The number of the newest key.
pub(crate) async fn last(db: &mut SqliteConnection) -> Result<i64, StoreError> {
    let last: Option<i64> =
        sqlx::query_scalar("select seq from sqlite_sequence where name = 'data_keys'")
            .fetch_optional(db)
            .await?;
    Ok(last.unwrap_or_default())
}

/// The keys whose rows are to be removed: also those that an earlier run did not retire, because it was killed for example.
pub(crate) async fn retired(db: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    sqlx::query(
        "update data_keys set retired = 1 where retired = 0 and key not in
             (select data_key from sandboxes union select data_key from snapshots
              union select seed_data_key from sandboxes where seed_data_key is not null)",
    )
    .execute(&mut *db)
    .await?;
    let keys = sqlx::query_scalar("select key from data_keys where retired = 1")
        .fetch_all(db)
        .await?;
    Ok(keys)
}

/// The approximate bytes of the data of snapshots and seeds, by key.
pub(crate) async fn sizes(db: &mut SqliteConnection) -> Result<HashMap<String, usize>, StoreError> {
    let mut sizes = HashMap::new();
    for table in &TABLES {
        let rows: Vec<(String, i64)> = sqlx::query_as(table.sizes).fetch_all(&mut *db).await?;
        for (key, bytes) in rows {
            *sizes.entry(key).or_default() += usize::try_from(bytes).unwrap_or_default();
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
    async fn every_column_of_every_table_is_copied() {
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
