//! The `snapshots` table: each snapshot has a copy of its sandbox's rows under a key of its own.

use crate::protocol::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::file::DatabaseFile;
use crate::store::sandbox_data::SandboxData;
use crate::store::statement::Statement;
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A stored snapshot.
#[derive(Debug)]
pub(crate) struct StoredSnapshot {
    pub(crate) data: Arc<SandboxData>,
    pub(crate) state: String,
    pub(crate) taken_at: Timestamp,
    /// The approximate bytes of rows and state.
    pub(crate) bytes: usize,
}

/// The snapshots of a sandbox, without their rows. `sizes` are the bytes of the rows, by key.
pub(crate) async fn read(
    db: &mut SqliteConnection,
    file: &Arc<DatabaseFile>,
    sandbox: &str,
    sizes: &HashMap<String, usize>,
) -> Result<BTreeMap<String, StoredSnapshot>, StoreError> {
    let rows: Vec<(String, String, Timestamp, String)> =
        sqlx::query_as("select name, state, taken_at, data_key from snapshots where sandbox = ?")
            .bind(sandbox)
            .fetch_all(db)
            .await?;
    let read = |(name, state, taken_at, key): (String, String, Timestamp, String)| {
        let row_bytes = sizes.get(&key).copied().unwrap_or_default();
        let snapshot = StoredSnapshot {
            bytes: row_bytes + state.len(),
            data: SandboxData::in_file(key, file),
            state,
            taken_at,
        };
        (name, snapshot)
    };
    Ok(rows.into_iter().map(read).collect())
}

pub(crate) fn put(sandbox: &str, name: &str, snapshot: &StoredSnapshot) -> Statement {
    Statement::new(
        "insert or replace into snapshots (sandbox, name, state, taken_at, data_key) values (?, ?, ?, ?, ?)",
    )
    .bind(sandbox)
    .bind(name)
    .bind(&snapshot.state)
    .bind(snapshot.taken_at)
    .bind(snapshot.data.key())
}

pub(crate) fn delete(sandbox: &str, name: &str) -> Statement {
    Statement::new("delete from snapshots where sandbox = ? and name = ?")
        .bind(sandbox)
        .bind(name)
}

pub(crate) fn delete_all(sandbox: &str) -> Statement {
    Statement::new("delete from snapshots where sandbox = ?").bind(sandbox)
}
