//! How is it kept? SQLite, one file per table, one statement per function; races are settled by the
//! statement. Callers hand over the key of a sandbox's world (`Sandbox::world`) and never hold a transaction.

mod accounts;
mod clients;
mod codes;
mod consents;
mod devices;
mod sandboxes;
mod sessions;
mod snapshots;
mod spends;
mod tokens;
mod users;
mod workflows;
mod worlds;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::protocol::scope::Scope;

pub(crate) use sandboxes::{Own, SandboxRow};
pub(crate) use snapshots::Taken;
pub(crate) use worlds::{Origin, Seed};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// How many connections a file database is read and written by.
const FILE_CONNECTIONS: u32 = 4;

/// The database of one server.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pool: SqlitePool,
}

/// Where the rows live.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Database {
    /// In this process only, gone with it.
    #[default]
    Memory,
    /// In a file; an acknowledged write survives `kill -9`.
    File(PathBuf),
}

impl std::str::FromStr for Database {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(if text == "memory" {
            Self::Memory
        } else {
            Self::File(text.into())
        })
    }
}

/// The database did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A statement failed: a full disk, a damaged file.
    #[error("the database refused: {0}")]
    Sql(#[from] sqlx::Error),
    /// The file could not be opened or brought to this version's schema.
    #[error("cannot open the database {path}: {why}; choose another with --database, or --database memory", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        why: String,
    },
    /// The seed and the database disagree on who has a name.
    #[error(
        "the seed's user {id} is named {name:?}, and so is another user of the database: give the seed's user that \
         user's id or another name, or choose another database"
    )]
    SecondName {
        /// The id in the seed.
        id: i64,
        /// The name.
        name: String,
    },
    /// A row holds what no version of this server has written.
    #[error("the database holds an unreadable {what}: {why}")]
    Damaged {
        /// Which row it is.
        what: &'static str,
        /// Why it cannot be read.
        why: String,
    },
}

impl StoreError {
    /// Whether a row could not be written because another has what must be its own.
    pub(crate) fn is_taken(&self) -> bool {
        match self {
            Self::Sql(sqlx::Error::Database(why)) => why.is_unique_violation(),
            _ => false,
        }
    }
}

impl Store {
    /// Opens the database and brings it to this version's schema.
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        let (path, options, pool) = match database {
            // One connection that is never given up: with it goes the database.
            Database::Memory => (
                Path::new(":memory:"),
                SqliteConnectOptions::new().in_memory(true),
                SqlitePoolOptions::new()
                    .max_connections(1)
                    .idle_timeout(None)
                    .max_lifetime(None),
            ),
            Database::File(path) => (
                path.as_path(),
                SqliteConnectOptions::new()
                    .filename(path)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    // With a WAL this survives the death of the process, if not of the machine.
                    .synchronous(SqliteSynchronous::Normal)
                    .busy_timeout(Duration::from_secs(10)),
                SqlitePoolOptions::new().max_connections(FILE_CONNECTIONS),
            ),
        };
        let refused = |why: String| StoreError::Open {
            path: path.to_owned(),
            why,
        };
        let pool = pool
            .connect_with(options)
            .await
            .map_err(|why| refused(why.to_string()))?;
        MIGRATIONS
            .run(&pool)
            .await
            .map_err(|why: MigrateError| refused(why.to_string()))?;
        Ok(Self { pool })
    }

    /// Whether a write would be kept. It writes a page of the file anew, with what is in it already: reading would tell
    /// nothing of a full disk.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        sqlx::query("pragma user_version = 0")
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Finishes what is under way and closes the file.
    pub(crate) async fn close(&self) {
        self.pool.close().await;
    }
}

/// A scope column: every writer of one is a [`Scope`].
fn scope(bits: u32) -> Result<Scope, StoreError> {
    Scope::from_bits(bits).ok_or_else(|| damaged("scope", &bits))
}

/// A column that is no value of its type.
fn damaged(what: &'static str, why: &impl ToString) -> StoreError {
    StoreError::Damaged {
        what,
        why: why.to_string(),
    }
}

/// A column of JSON text.
fn from_json<T: serde::de::DeserializeOwned>(
    what: &'static str,
    text: &str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|why| damaged(what, &why))
}

/// The JSON text of a row's document.
fn to_json<T: serde::Serialize>(document: &T) -> String {
    serde_json::to_string(document).expect("a document of strings, numbers and lists is JSON")
}
