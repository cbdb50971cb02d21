//! The database file: SQLite, used by one server at a time. Rows are read when a sandbox is opened, and written by one task.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::task::JoinHandle;

use super::StoreError;
use super::lock::Lock;
use super::log::Log;
use super::place::{Place, beside};
use super::readers::Readers;
use super::sandboxes::Catalogue;
use super::writer::{Writer, set_application_id};

/// How long another program may hold a lock on the file.
const PATIENCE: Duration = if cfg!(test) {
    Duration::from_secs(1)
} else {
    Duration::from_secs(10)
};

/// Says in the file's header whose database it is (`pragma application_id`): `CivM`.
pub(super) const APPLICATION_ID: i32 = i32::from_be_bytes(*b"CivM");

/// What every SQLite database begins with.
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

static MIGRATIONS: Migrator = sqlx::migrate!();

/// An open database file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) log: Arc<Log>,
    /// For worlds that are not in memory yet.
    pub(super) readers: Arc<Readers>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What a file has held so far.
pub(super) struct Opened {
    pub(super) file: File,
    /// How many servers have opened it before.
    pub(super) run: u64,
    /// Its content, less the rows.
    pub(super) catalogue: Catalogue,
}

impl File {
    /// Opens a file and brings it to this version's schema.
    pub(super) async fn open(path: &Path) -> Result<Opened, StoreError> {
        let refused = |why: String| StoreError::Open {
            path: path.to_owned(),
            why,
        };
        let lock = Lock::take(path).map_err(refused)?;
        let options = SqliteConnectOptions::new()
            .filename(&lock.path)
            .journal_mode(SqliteJournalMode::Wal)
            // With a WAL this survives the death of the process, if not of the machine.
            .synchronous(SqliteSynchronous::Normal)
            // Another program may read the file with SQLite's own tools.
            .busy_timeout(PATIENCE)
            .disable_statement_logging();
        let is_new = check_owner(&lock.path).await.map_err(refused)?;
        let connected = options.connect().await;
        let mut connection = connected.map_err(|why| refused(described(&why)))?;
        if is_new {
            // Before the first table: a start that is cut short must not leave a file that looks foreign.
            mark(&mut connection)
                .await
                .map_err(|why| refused(described(&why)))?;
        }
        MIGRATIONS
            // Not `run`: the compiler does not see through its borrowing that this may be sent.
            .run_direct(None, &mut connection, false)
            .await
            .map_err(|why| refused(why.to_string()))?;
        let run = count(&mut connection)
            .await
            .map_err(|why| refused(described(&why)))?;
        let catalogue = Catalogue::read(&mut connection).await?;
        let place = Place::of(&lock, &mut connection).await;
        let log = Arc::new(Log::new(path));
        let readers = Arc::new(Readers::new(options.clone()));
        let end = End(Arc::clone(&log));
        let writing = Writer {
            log: Arc::clone(&log),
            options,
            connection: Some(connection),
            readers: Arc::clone(&readers),
            place,
        }
        .run();
        let file = Self {
            log,
            readers,
            writer: Mutex::new(Some(tokio::spawn(async move {
                let _end = end;
                writing.await;
                // Only now may another server open the file.
                drop(lock);
            }))),
        };
        Ok(Opened {
            file,
            run,
            catalogue,
        })
    }

    /// Writes what is queued and closes the file.
    pub(super) async fn close(&self) {
        self.log.close();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // It does not panic, and nothing else ends it.
            let _ = writer.await;
        }
    }
}

/// Whatever ends the writer, requests that wait for it are answered.
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

/// An error of SQLite's in plain words, with its code.
pub(super) fn described(why: &sqlx::Error) -> String {
    let Some(error) = why.as_database_error() else {
        return match why {
            sqlx::Error::Io(error) => error.to_string(),
            other => other.to_string(),
        };
    };
    let code = error.code().unwrap_or_default();
    let primary = code.parse::<i32>().map(|code| code & 0xff);
    let said = format!("{} (SQLite code {code})", error.message());
    match primary {
        Ok(5) => format!("another program has locked it: {said}"),
        // SQLITE_READONLY and SQLITE_CANTOPEN: it writes files of its own beside the database.
        Ok(8 | 14) => {
            format!("{said}; this user must be able to write to the file and to its folder")
        }
        Ok(13) => format!("the disk is full: {said}"),
        _ => said,
    }
}

/// Checks that a file is empty or this server's, and writes nothing. Whether it is empty.
async fn check_owner(path: &Path) -> Result<bool, String> {
    let mut start = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAGIC.len() as u64).read_to_end(&mut start))
        .map_err(|why| why.to_string())?;
    if start.is_empty() {
        return Ok(true);
    }
    // SQLite itself takes a file of one byte for an empty one.
    if start != MAGIC {
        return Err("it is not an SQLite database; nothing was written to it".to_owned());
    }
    // Without a log the file is complete. SQLite makes no files beside one that it takes for immutable.
    let has_log = beside(path, "-wal").exists();
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(!has_log)
        .busy_timeout(PATIENCE)
        .disable_statement_logging()
        .connect()
        .await
        .map_err(|why| described(&why))?;
    let contents = contents(&mut connection).await;
    let closed = connection.close().await;
    let contents = contents.and_then(|contents| closed.map(|()| contents));
    let contents = contents.map_err(|why| described(&why))?;
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

/// What a SQLite file says about its owner.
struct Contents {
    application_id: i32,
    user_version: i32,
    /// The names of the tables and views.
    tables: Vec<String>,
}

async fn contents(connection: &mut SqliteConnection) -> Result<Contents, sqlx::Error> {
    let (application_id, user_version) =
        sqlx::query_as("select * from pragma_application_id, pragma_user_version")
            .fetch_one(&mut *connection)
            .await?;
    let tables = sqlx::query_scalar(
        "select name from sqlite_schema where type in ('table', 'view') and name not like 'sqlite\\_%' escape '\\' order by name",
    )
    .fetch_all(connection)
    .await?;
    Ok(Contents {
        application_id,
        user_version,
        tables,
    })
}

/// Marks the file as this server's.
async fn mark(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::raw_sql(AssertSqlSafe(set_application_id()))
        .execute(connection)
        .await?;
    Ok(())
}

/// How many servers have opened the file before; from now on it is one more. SQLite has a number for its users, which
/// nothing else here uses.
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

#[cfg(test)]
mod tests {
    use super::super::refused::Folder;
    use super::*;

    async fn run(connection: &mut SqliteConnection, sql: &str) {
        let ran = sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(connection);
        ran.await.unwrap();
    }

    /// The files of a folder and what is in them, less SQLite's index of its log, which readers share.
    fn files(folder: &Folder) -> Vec<(String, Vec<u8>)> {
        let all = fs::read_dir(&folder.0).unwrap().map(|file| file.unwrap());
        let named = all.map(|file| (file.file_name().into_string().unwrap(), file.path()));
        let mut files: Vec<_> = named
            .filter(|(name, _)| !name.ends_with("-lock") && !name.ends_with("-shm"))
            .map(|(name, path)| (name, fs::read(path).unwrap()))
            .collect();
        files.sort();
        files
    }

    #[tokio::test]
    async fn a_foreign_database_is_refused_and_no_byte_of_it_changes() {
        let of_another_program = "create table cupboards (id integer)";
        let of_an_sqlx_app =
            "create table _sqlx_migrations (version bigint); create table users (id integer)";
        let marked = "pragma application_id = 7; create table sandboxes (name text)";
        let mixed = "create table sandboxes (name text); create table cupboards (id integer)";
        let cases = [
            of_another_program,
            of_an_sqlx_app,
            marked,
            mixed,
            "pragma user_version = 3",
            "pragma application_id = 7",
            "create view cupboards as select 1",
        ];
        for (at, sql) in cases.into_iter().enumerate() {
            for (journal, is_open) in [("delete", false), ("wal", false), ("wal", true)] {
                let folder = Folder::new(&format!("foreign-{at}-{journal}-{is_open}"));
                let path = folder.0.join("other.db");
                let options = SqliteConnectOptions::new().filename(&path);
                let mut other = options.create_if_missing(true).connect().await.unwrap();
                run(
                    &mut other,
                    &format!("pragma journal_mode = {journal}; {sql}"),
                )
                .await;
                // An open connection has its last changes in the log alone.
                let open = if is_open {
                    Some(other)
                } else {
                    other.close().await.unwrap();
                    None
                };
                let before = files(&folder);
                let refused = File::open(&path).await.err().map(|why| why.to_string());
                let said = refused.unwrap_or_default();
                assert!(
                    said.contains("another program's"),
                    "{sql} {journal}: {said}"
                );
                assert!(files(&folder) == before, "{sql} {journal} {is_open}");
                drop(open);
            }
        }
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused_and_no_byte_of_it_changes() {
        let long = "x".repeat(5000);
        for (at, text) in ["x", "\n", "SQLite format", "# Notes", &long]
            .iter()
            .enumerate()
        {
            let folder = Folder::new(&format!("no-database-{at}"));
            let path = folder.0.join("notes.txt");
            fs::write(&path, text).unwrap();
            let before = files(&folder);
            let refused = File::open(&path).await.err().map(|why| why.to_string());
            let shown = path.display();
            assert_eq!(
                refused.unwrap_or_default(),
                format!(
                    "cannot open the database {shown}: it is not an SQLite database; nothing was written to it; choose \
                     another with --database, or --database memory"
                )
            );
            assert!(files(&folder) == before, "{text}");
        }
    }

    #[tokio::test]
    async fn a_database_of_ours_is_marked_and_opened_again_after_any_end() {
        let folder = Folder::new("ours");
        let path = folder.0.join("mock.db");
        for run in 0..3 {
            let opened = File::open(&path).await.unwrap();
            assert_eq!(opened.run, run);
            opened.file.close().await;
            let header = fs::read(&path).unwrap();
            assert_eq!(header[68..72], APPLICATION_ID.to_be_bytes());
        }
        // An empty file is nobody's.
        let empty = folder.0.join("empty.db");
        fs::write(&empty, "").unwrap();
        File::open(&empty).await.unwrap().file.close().await;
    }
}
