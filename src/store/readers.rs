//! The connections that read the file. They are limited: each is a thread and a page cache, and SQLite retains the descriptor
//! of a closed one for as long as another connection has locks on the file. A pool of sqlx cannot be paused.

use std::sync::{Mutex, MutexGuard, PoisonError};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::error::StoreError;

/// More than one, so that no request waits for a sandbox of a million rows.
const MAX_CONNECTIONS: u32 = 4;

/// The connections that read.
#[derive(Debug)]
pub(super) struct Readers {
    options: SqliteConnectOptions,
    permits: Semaphore,
    /// Connections that are idle.
    idle: Mutex<Vec<SqliteConnection>>,
}

impl Readers {
    pub(super) fn new(options: SqliteConnectOptions) -> Self {
        Self {
            options,
            permits: Semaphore::new(MAX_CONNECTIONS as usize),
            idle: Mutex::default(),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<SqliteConnection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads once a connection is free.
    pub(super) async fn read<T>(
        &self,
        read: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await.ok();
        let idle = self.idle().pop();
        let mut db = match idle {
            Some(db) => db,
            None => self.options.connect().await?,
        };
        // After an error or a cancelled read, the connection is not used again.
        let found = read(&mut db).await?;
        self.idle().push(db);
        Ok(found)
    }

    /// Waits for all reads and closes every connection. None is opened until the permit is dropped.
    pub(super) async fn pause(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        let all = self.permits.acquire_many(MAX_CONNECTIONS).await.ok();
        self.close().await;
        all
    }

    /// Closes the idle connections.
    pub(super) async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle());
        for db in idle {
            if let Err(error) = db.close().await {
                tracing::warn!(%error, "a connection to the database was not closed properly");
            }
        }
    }
}
