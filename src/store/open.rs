//! Opening a database: locks, the schema, the sandbox index and the task that writes.

use std::path::Path;
use std::sync::{Arc, Mutex};

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use super::application_id::{LOCK_TIMEOUT, check_owner, mark};
use super::database::Database;
use super::error::{StoreError, described};
use super::file::DatabaseFile;
use super::file_identity::FileIdentity;
use super::handle::Store;
use super::lock::Lock;
use super::sandbox_index::SandboxIndex;
use super::write_queue::WriteQueue;
use super::writer::Writer;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// An opened file and its sandbox index.
pub(super) struct Opened {
    pub(super) file: Arc<DatabaseFile>,
    /// The number of servers that have opened the file before.
    pub(super) run: u64,
    pub(super) index: SandboxIndex,
}

impl Opened {
    /// Opens a file and brings it to this version's schema.
    pub(super) async fn open(path: &Path) -> Result<Self, StoreError> {
        let refused = |reason: String| StoreError::Open {
            path: path.to_owned(),
            reason,
        };
        let lock = Lock::take(path).map_err(refused)?;
        let options = SqliteConnectOptions::new()
            .filename(&lock.path)
            .journal_mode(SqliteJournalMode::Wal)
            // With a WAL, commits survive `kill -9`, but not a power failure.
            .synchronous(SqliteSynchronous::Normal)
            // Another program may read the file with SQLite's own tools.
            .busy_timeout(LOCK_TIMEOUT)
            .disable_statement_logging();
        let is_new = check_owner(&lock.path).await.map_err(refused)?;
        let connected = options.connect().await;
        let mut connection = connected.map_err(|error| refused(described(&error)))?;
        if is_new {
            // Before the first table: a start that is cut short must not create a file that looks foreign.
            mark(&mut connection)
                .await
                .map_err(|error| refused(described(&error)))?;
        }
        MIGRATIONS
            // Not `run`: the compiler cannot prove that its future is `Send`.
            .run_direct(None, &mut connection, false)
            .await
            .map_err(|error| refused(error.to_string()))?;
        let run = count(&mut connection)
            .await
            .map_err(|error| refused(described(&error)))?;
        let file = Arc::new(DatabaseFile::new(path, &options));
        let index = SandboxIndex::read(&mut connection, &file).await?;
        let writer = Writer {
            queue: Arc::clone(&file.queue),
            options,
            identity: FileIdentity::read(&lock, &mut connection).await,
            connection: Some(connection),
            readers: Arc::clone(&file.readers),
        };
        let end = End(Arc::clone(&file.queue));
        file.start_writer(async move {
            let _end = end;
            writer.run().await;
            // Only now may another server open the file.
            drop(lock);
        });
        Ok(Opened { file, run, index })
    }
}

/// Ends the queue when the writer ends, even by a panic, so that no request waits forever.
struct End(Arc<WriteQueue>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Counts a start in `user_version`, which SQLite leaves to applications. Returns how many servers have opened the file
/// before.
async fn count(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    mark(connection).await?;
    let before: i64 = sqlx::query_scalar("pragma user_version")
        .fetch_one(&mut *connection)
        .await?;
    let next = before.wrapping_add(1) & i64::from(i32::MAX);
    sqlx::raw_sql(AssertSqlSafe(format!("pragma user_version = {next}")))
        .execute(&mut *connection)
        .await?;
    Ok(u64::try_from(before).unwrap_or_default())
}

impl Store {
    /// Opens the database and brings it to this version's schema.
    pub(crate) async fn open(database: &Database) -> Result<Self, StoreError> {
        database.check()?;
        let (file, run, index) = match database {
            Database::Memory => (None, 0, SandboxIndex::default()),
            Database::File(path) => {
                let Opened { file, run, index } = Opened::open(path).await?;
                (Some(file), run, index)
            }
        };
        Ok(Self {
            index: Arc::new(Mutex::new(index)),
            run,
            file,
        })
    }
}
