//! Where do the rows outlive the process? A SQLite file that belongs to one server at a time: it is read when a sandbox
//! is opened, and written by one task.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use tokio::task::JoinHandle;

use super::StoreError;
use super::log::Log;
use super::readers::Readers;
use super::sandboxes::Catalogue;
use super::writer::{self, Place};

/// How long somebody else may hold a lock on the file.
const PATIENCE: Duration = if cfg!(test) {
    Duration::from_secs(1)
} else {
    Duration::from_secs(10)
};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// A database file that is open.
#[derive(Debug)]
pub(super) struct File {
    pub(super) log: Arc<Log>,
    /// To read rows by that nobody has changed yet.
    pub(super) readers: Readers,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl File {
    /// Opens a file and brings it to this version's schema. What comes back besides is how many servers have opened it
    /// before, and what is in it, less the rows.
    pub(super) async fn open(path: &Path) -> Result<(Self, u64, Catalogue), StoreError> {
        let refused = |why: String| StoreError::Open {
            path: path.to_owned(),
            why,
        };
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // With a WAL this survives the death of the process, if not of the machine.
            .synchronous(SqliteSynchronous::Normal)
            // Somebody may look into the file with a tool of SQLite's.
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        make_private(path);
        let mut connection = options.connect().await.map_err(|why| refused(told(&why)))?;
        // Only now: what is wrong with the path, SQLite says better.
        // By whatever name it is asked for.
        let whole = fs::canonicalize(path).map_err(|why| refused(why.to_string()))?;
        let taken = take(&whole).map_err(refused)?;
        MIGRATIONS
            // Not `run`: the compiler does not see through its borrowing that this may be sent.
            .run_direct(None, &mut connection, false)
            .await
            .map_err(|why| refused(why.to_string()))?;
        let run = count(&mut connection)
            .await
            .map_err(|why| refused(told(&why)))?;
        let catalogue = Catalogue::read(&mut connection).await?;
        let log = Arc::new(Log::new(path));
        let end = End(Arc::clone(&log));
        let writing = writer::write(
            Arc::clone(&log),
            options.clone(),
            connection,
            Place::of(whole),
        );
        let file = Self {
            log,
            readers: Readers::new(options),
            writer: Mutex::new(Some(tokio::spawn(async move {
                let _end = end;
                writing.await;
                // Only now may another server have the file. The system lets go of it with the process, too.
                drop(taken);
            }))),
        };
        Ok((file, run, catalogue))
    }

    /// Writes what there is to write and closes the file.
    pub(super) async fn close(&self) {
        // The last to go puts the write-ahead log back into the file: that is to be the writer.
        self.readers.close().await;
        self.log.close();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // It does not panic, and nobody else ends it.
            let _ = writer.await;
        }
    }
}

/// Whatever ends the writer, those who wait for it are told.
struct End(Arc<Log>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.log.close();
    }
}

/// What SQLite says, and what it does not say.
fn told(why: &sqlx::Error) -> String {
    let code = why
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code);
    let primary = code.and_then(|code| Some(code.parse::<i32>().ok()? & 0xff));
    match primary {
        // SQLITE_READONLY, and SQLITE_CANTOPEN. It writes files of its own beside the database.
        Some(8 | 14) => format!("{why}; the folder must be there, and this user write in it"),
        _ => why.to_string(),
    }
}

/// How many servers have opened the file before; from now on it is one more. SQLite keeps a number for its users, which
/// nothing else here uses.
async fn count(connection: &mut SqliteConnection) -> Result<u64, sqlx::Error> {
    let before: i64 = sqlx::query_scalar("pragma user_version")
        .fetch_one(&mut *connection)
        .await?;
    let next = before.wrapping_add(1) & i64::from(i32::MAX);
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("pragma user_version = {next}")))
        .execute(&mut *connection)
        .await?;
    Ok(u64::try_from(before).unwrap_or_default())
}

/// Makes the file, where there is none, for this user alone: it holds private keys. What SQLite puts beside it has the
/// same leave to read. What is wrong with the path, SQLite says.
fn make_private(path: &Path) {
    let _ = private(fs::OpenOptions::new().append(true).create(true)).open(path);
}

/// Whatever these options create is for this user alone.
fn private(options: &mut fs::OpenOptions) -> &mut fs::OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options
}

/// Takes the file for this server: two that each answer from their own memory would write over each other.
fn take(path: &Path) -> Result<fs::File, String> {
    let mut name = path.as_os_str().to_owned();
    name.push("-lock");
    let beside = PathBuf::from(name);
    // Nothing is written into it: what somebody else has there stays as it is.
    let lock = private(fs::OpenOptions::new().append(true).create(true))
        .open(&beside)
        .map_err(|why| format!("{}: {why}", beside.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => {
            Err("another server has it open: stop that one first".to_owned())
        }
        Err(fs::TryLockError::Error(why)) => Err(format!("{}: {why}", beside.display())),
    }
}
