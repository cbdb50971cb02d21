//! The application id of SQLite's header, by which this server recognises its database files.

use super::error::described;
use super::lock::beside;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// How long another program may hold a lock on the file.
pub(super) const LOCK_TIMEOUT: Duration = if cfg!(test) {
    Duration::from_secs(1)
} else {
    Duration::from_secs(10)
};

/// The `application_id` in the header of this server's databases: `CivM`.
pub(super) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"CivM");

/// The start of every SQLite database.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// The tables and views of versions that left the application id at 0.
const TABLES: [&str; 15] = [
    "_sqlx_migrations",
    "accounts",
    "clients",
    "codes",
    "consents",
    "device_codes",
    "people",
    "sandboxes",
    "sessions",
    "snapshots",
    "spends",
    "tokens",
    "users",
    "workflows",
    "worlds",
];

/// Checks that a file is empty or this server's, and writes nothing. Returns whether it is empty.
pub(super) async fn check_owner(path: &Path) -> Result<bool, String> {
    let mut start = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start))
        .map_err(|error| error.to_string())?;
    if start.is_empty() {
        return Ok(true);
    }
    // SQLite itself treats a file of one byte as empty.
    if start != MAGIC {
        return Err("it is not an SQLite database; nothing was written to it".to_owned());
    }
    // Without a log the file is complete. SQLite creates no files beside an immutable one.
    let has_log = beside(path, "-wal").exists();
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(!has_log)
        .busy_timeout(LOCK_TIMEOUT)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|error| described(&error))?;
    let contents = contents(&mut connection).await;
    let closed = connection.close().await;
    let contents = contents.and_then(|contents| closed.map(|()| contents));
    let contents = contents.map_err(|error| described(&error))?;
    let tables = &contents.tables;
    let is_ours = match contents.application_id {
        APPLICATION_ID => true,
        // This server marks a file before it counts in `user_version`.
        0 if tables.is_empty() => contents.user_version == 0,
        0 => {
            let is_known = |table: &String| TABLES.contains(&table.as_str());
            tables.iter().any(|table| table == "sandboxes") && tables.iter().all(is_known)
        }
        _ => false,
    };
    if is_ours {
        return Ok(tables.is_empty());
    }
    let tables = match tables.as_slice() {
        [] => "none".to_owned(),
        tables => tables.join(", "),
    };
    Err(format!(
        "it is another program's SQLite database (application id {}, user version {}, tables: {tables}); nothing was written \
         to it",
        contents.application_id, contents.user_version
    ))
}

/// The parts of a SQLite file that identify its owner.
struct FileOwner {
    application_id: i32,
    user_version: i32,
    /// The names of the tables and views.
    tables: Vec<String>,
}

async fn contents(connection: &mut SqliteConnection) -> Result<FileOwner, sqlx::Error> {
    let (application_id, user_version) =
        sqlx::query_as("select * from pragma_application_id, pragma_user_version")
            .fetch_one(&mut *connection)
            .await?;
    let tables = sqlx::query_scalar(
        "select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\' order by name",
    )
    .fetch_all(connection)
    .await?;
    Ok(FileOwner {
        application_id,
        user_version,
        tables,
    })
}

/// Marks the file as this server's.
pub(super) async fn mark(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(set_application_id()))
        .execute(connection)
        .await?;
    Ok(())
}

/// Marks the file as this server's.
pub(super) fn set_application_id() -> String {
    format!("pragma application_id = {APPLICATION_ID}")
}
