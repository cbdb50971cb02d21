//! The `sandboxes` table: name, key of the data, clock, signing key and settings of each sandbox.

use crate::store::error::StoreError;
use crate::store::file::DatabaseFile;
use crate::store::sandbox_data::SandboxData;
use crate::store::statement::Statement;
use sqlx::SqliteConnection;
use std::fmt;
use std::sync::Arc;

/// A stored sandbox.
#[derive(Debug, Clone)]
pub(crate) struct SandboxRow {
    pub(crate) data: Arc<SandboxData>,
    pub(crate) clock: String,
    /// The private key for id tokens; none if an older version created the sandbox.
    pub(crate) signing_key: Option<StoredKey>,
    /// The data that a reset restores, if it is not the server's seed.
    pub(crate) seed_data: Option<Arc<SandboxData>>,
    /// The settings that it was created with, if they are not the server's.
    pub(crate) settings: Option<String>,
    /// Whether a control call or Rust created or used it, not only a request that named it.
    pub(crate) is_explicit: bool,
}

/// A private key for id tokens as the `sandboxes` table stores it.
#[derive(Clone)]
pub(crate) struct StoredKey {
    /// The `kid` that it is published under; none in a row of an older version.
    pub(crate) id: Option<String>,
    pub(crate) private_key: Vec<u8>,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredKey({:?})", self.id)
    }
}

/// A row of the table, its columns by name.
#[derive(sqlx::FromRow)]
struct StoredSandboxRow {
    name: String,
    data_key: String,
    clock: String,
    signing_key: Option<Vec<u8>>,
    key_id: Option<String>,
    seed_data_key: Option<String>,
    settings: Option<String>,
    pub(crate) is_explicit: bool,
}

/// The sandboxes by name, without their data.
pub(crate) async fn read(
    db: &mut SqliteConnection,
    file: &Arc<DatabaseFile>,
) -> Result<Vec<(String, SandboxRow)>, StoreError> {
    let rows: Vec<StoredSandboxRow> = sqlx::query_as(
        "select name, data_key, clock, signing_key, key_id, seed_data_key, settings, is_explicit from sandboxes",
    )
    .fetch_all(db)
    .await?;
    let read = |row: StoredSandboxRow| {
        let key_id = row.key_id;
        let sandbox = SandboxRow {
            data: SandboxData::in_file(row.data_key, file),
            clock: row.clock,
            signing_key: row.signing_key.map(|private_key| StoredKey {
                id: key_id,
                private_key,
            }),
            seed_data: row.seed_data_key.map(|key| SandboxData::in_file(key, file)),
            settings: row.settings,
            is_explicit: row.is_explicit,
        };
        (row.name, sandbox)
    };
    Ok(rows.into_iter().map(read).collect())
}

pub(crate) fn insert(name: &str, row: &SandboxRow) -> Statement {
    let key = row.signing_key.as_ref();
    Statement::new(
        "insert or replace into sandboxes
             (name, data_key, clock, signing_key, key_id, seed_data_key, settings, is_explicit)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(name)
    .bind(row.data.key())
    .bind(&row.clock)
    .bind(key.map(|key| key.private_key.as_slice()))
    .bind(key.and_then(|key| key.id.as_deref()))
    .bind(row.seed_data.as_ref().map(|data| data.key()))
    .bind(row.settings.as_deref())
    .bind(row.is_explicit)
}

pub(crate) fn mark_explicit(name: &str) -> Statement {
    Statement::new("update sandboxes set is_explicit = 1 where name = ?").bind(name)
}

pub(crate) fn move_to(name: &str, data_key: &str, clock: &str) -> Statement {
    Statement::new("update sandboxes set data_key = ?, clock = ? where name = ?")
        .bind(data_key)
        .bind(clock)
        .bind(name)
}

pub(crate) fn set_clock(name: &str, clock: &str) -> Statement {
    Statement::new("update sandboxes set clock = ? where name = ?")
        .bind(clock)
        .bind(name)
}

pub(crate) fn set_signing_key(name: &str, key: &StoredKey) -> Statement {
    Statement::new("update sandboxes set signing_key = ?, key_id = ? where name = ?")
        .bind(key.private_key.as_slice())
        .bind(key.id.as_deref())
        .bind(name)
}

pub(crate) fn delete(name: &str) -> Statement {
    Statement::new("delete from sandboxes where name = ?").bind(name)
}
