//! The connections that read the file. There are few: each is a thread and a page cache, and SQLite keeps the descriptor of
//! a closed one for as long as another connection has locks on the file.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::StoreError;

/// More than one, so that no request waits behind a sandbox of a million rows.
const MOST: u32 = 4;

/// The connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    turns: Semaphore,
    /// Connections that are idle.
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Readers {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self {
            options,
            turns: Semaphore::new(MOST as usize),
            idle: Mutex::default(),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads, as soon as it is this one's turn.
    pub(super) async fn read<T>(
        &self,
        what: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // The semaphore is never closed.
        let _turn = self.turns.acquire().await.ok();
        let idle = self.idle().pop();
        let mut db = match idle {
            Some(db) => db,
            None => self.options.connect().await?,
        };
        // After an error, or after a cancelled read, it is in no state to be used again.
        let found = what(&mut db).await?;
        self.idle().push(db);
        Ok(found)
    }

    /// Waits until nothing is read any more and closes every connection. None is opened until the permit is dropped.
    pub(super) async fn pause(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        let all = self.turns.acquire_many(MOST).await.ok();
        self.close().await;
        all
    }

    /// Closes the idle connections.
    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for db in idle {
            if let Err(why) = db.close().await {
                tracing::warn!(%why, "a connection to the database was not closed in good order");
            }
        }
    }
}
