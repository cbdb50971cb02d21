//! The SQL of a table whose rows belong to a data key, made from its names of columns.

use crate::store::error::StoreError;
use crate::store::statement::Statement;
use sqlx::SqliteConnection;
use std::sync::Arc;

/// The statements of one table. The column `sandbox` has the data key.
#[derive(Debug)]
pub(crate) struct TableSql {
    pub(crate) name: &'static str,
    /// Replaces the row of the same key.
    pub(crate) put: &'static str,
    pub(crate) delete: &'static str,
    /// Deletes the rows of a user, of a client or of both: only tables with both columns.
    pub(crate) delete_matching: &'static str,
    pub(crate) select: &'static str,
    pub(super) copy: &'static str,
    pub(super) delete_some: &'static str,
    pub(super) any: &'static str,
    /// The bytes of the rows of each key that a snapshot or a seed has.
    pub(crate) sizes: &'static str,
}

/// `key` are the columns that identify a row of a data key; `bytes` is an SQL expression for [`Row::size_in_bytes`].
///
/// [`Row::size_in_bytes`]: super::table::Row::size_in_bytes
#[rustfmt::skip]
macro_rules! table_sql {
    ($name:literal, key: $key:literal = $key_values:literal, columns: $columns:literal = $values:literal, bytes: $bytes:literal) => {
        $crate::store::tables::sql::TableSql {
            name: $name,
            put: concat!("insert or replace into ", $name, " (sandbox, ", $key, ", ", $columns, ") \
                          values (?, ", $key_values, ", ", $values, ")"),
            delete: concat!("delete from ", $name, " where sandbox = ? and (", $key, ") = (", $key_values, ")"),
            delete_matching: concat!("delete from ", $name, " where sandbox = ?1 \
                                      and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)"),
            select: concat!("select ", $key, ", ", $columns, " from ", $name, " where sandbox = ?"),
            copy: concat!("insert or replace into ", $name, " (sandbox, ", $key, ", ", $columns, ") \
                           select ?2, ", $key, ", ", $columns, " from ", $name, " where sandbox = ?1"),
            // Few at once, so that other writes do not wait for long.
            delete_some: concat!("delete from ", $name, " where sandbox = ?1 and (", $key, ") in \
                                  (select ", $key, " from ", $name, " where sandbox = ?1 limit 100)"),
            any: concat!("select 1 from ", $name, " where sandbox = ?1 limit 1"),
            sizes: concat!("select sandbox, sum(", $bytes, ") from ", $name, " where sandbox in \
                            (select data_key from snapshots union \
                             select seed_data_key from sandboxes where seed_data_key is not null) group by sandbox"),
        }
    };
}
pub(super) use table_sql;

impl TableSql {
    /// Copies all rows of one sandbox's data to another.
    pub(crate) fn copy_rows(&self, from: &str, to: &Arc<str>) -> Statement {
        Statement::new(self.copy).bind(from).bind(to)
    }

    /// Deletes a part of a sandbox's data.
    pub(crate) fn delete_some(&self, key: &str) -> Statement {
        Statement::new(self.delete_some).bind(key)
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
