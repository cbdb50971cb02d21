//! Who writes the file? One task, which commits all that has been written down since its last commit in one transaction.
//! What cannot be committed is kept and tried again with the next change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

use super::log::{Log, Work};
use super::statement::{Press, Query};

/// Writes until it is told to end.
pub(super) async fn write(
    log: Arc<Log>,
    options: SqliteConnectOptions,
    connection: SqliteConnection,
    place: Place,
) {
    let mut connection = Some(connection);
    let mut waiting = Vec::new();
    let mut press = Press::default();
    loop {
        let Work {
            statements,
            last,
            closing,
        } = log.work().await;
        waiting.extend(statements);
        // Nothing to write and nobody who wants to know: whoever holds a lock on the file holds up no end.
        if closing && waiting.is_empty() {
            log.tell(last, Ok(()));
            break;
        }
        let committed = match place.holds() {
            Ok(()) => commit(&mut connection, &options, press.queries(&waiting)).await,
            Err(why) => Err(why),
        };
        match committed {
            Ok(()) => {
                waiting.clear();
                log.tell(last, Ok(()));
            }
            Err(why) => {
                tracing::error!(%why, "the database cannot be written; the next change tries again");
                // Whatever state the failure left it in: the next try begins with a new one.
                connection = None;
                log.tell(last, Err(why.to_string().into()));
            }
        }
        if closing {
            break;
        }
    }
    if let Some(connection) = connection
        && let Err(why) = connection.close().await
    {
        tracing::warn!(%why, "the database was not closed in good order; the next start sees to it");
    }
}

/// Where the file is, and which one it was when it was opened: what is written into one that was removed is lost.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    #[cfg(unix)]
    file: Option<(u64, u64)>,
}

impl Place {
    pub(super) fn of(path: PathBuf) -> Self {
        Self {
            #[cfg(unix)]
            file: Self::file(&path),
            path,
        }
    }

    #[cfg(unix)]
    fn file(path: &Path) -> Option<(u64, u64)> {
        use std::os::unix::fs::MetadataExt as _;
        let found = std::fs::metadata(path).ok()?;
        Some((found.dev(), found.ino()))
    }

    #[cfg(unix)]
    fn is_the_same(&self) -> bool {
        Self::file(&self.path) == self.file
    }

    /// Nothing can be removed there while it is open.
    #[cfg(not(unix))]
    fn is_the_same(&self) -> bool {
        self.path.exists()
    }

    /// Errors: another file is there now, or none.
    fn holds(&self) -> Result<(), sqlx::Error> {
        if self.is_the_same() {
            return Ok(());
        }
        let why = "it was moved, removed or replaced; put it back, or start the server anew";
        Err(sqlx::Error::Io(std::io::Error::other(why)))
    }
}

/// Runs the queries in one transaction. Without any, shows that one could be written.
async fn commit(
    connection: &mut Option<SqliteConnection>,
    options: &SqliteConnectOptions,
    queries: Vec<Query>,
) -> Result<(), sqlx::Error> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(options.connect().await?),
    };
    // IMMEDIATE takes the lock now: no SQLITE_BUSY half-way.
    let mut tx = connection.begin_with("begin immediate").await?;
    let is_empty = queries.is_empty();
    for Query { sql, values } in queries {
        sqlx::query_with(sql, values).execute(&mut *tx).await?;
    }
    if is_empty {
        // Nothing reads it, and what it says stays; a page is written all the same.
        sqlx::query("pragma application_id = 0")
            .execute(&mut *tx)
            .await?;
    }
    tx.commit().await
}
