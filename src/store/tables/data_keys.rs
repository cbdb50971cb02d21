//! The `data_keys` table: the keys of sandboxes' data, and the list of the tables that have rows of a key.

use super::clients::StoredClient;
use super::codes::StoredCode;
use super::consents::StoredConsent;
use super::devices::StoredDevice;
use super::sessions::StoredSession;
use super::spends::StoredSpend;
use super::sql::TableSql;
use super::table::Row as _;
use super::tokens::StoredToken;
use super::workflows::StoredWorkflow;
use crate::model::account::Account;
use crate::model::user::User;
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use sqlx::SqliteConnection;
use std::collections::HashMap;
use std::sync::Arc;

/// The tables whose rows belong to a data key.
pub(crate) const TABLES: [TableSql; 10] = [
    <Arc<User>>::SQL,
    StoredClient::SQL,
    StoredSession::SQL,
    StoredConsent::SQL,
    StoredCode::SQL,
    StoredToken::SQL,
    StoredDevice::SQL,
    Account::SQL,
    StoredWorkflow::SQL,
    StoredSpend::SQL,
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
