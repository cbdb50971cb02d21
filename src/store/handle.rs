//! [`Store`], the handle of the store; other files add its operations.

use super::error::StoreError;
use super::file::DatabaseFile;
use super::sandbox_index::SandboxIndex;
use super::write_queue::WriteQueue;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The store of one server; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(super) index: Arc<Mutex<SandboxIndex>>,
    /// How many servers have opened the file before this one.
    pub(super) run: u64,
    /// None with `--database memory`.
    pub(super) file: Option<Arc<DatabaseFile>>,
}

impl Store {
    /// How many servers have opened the file before this one; 0 in memory.
    pub(crate) fn run(&self) -> u64 {
        self.run
    }

    /// Whether a change would be acknowledged. It rewrites a page of the file: reading would not notice a full disk.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        match self.queue() {
            None => Ok(()),
            Some(queue) => queue.probe().await,
        }
    }

    /// Returns when memory has no change that the file has refused. Errors: it cannot be reloaded.
    pub(crate) async fn wait_for_reload(&self) -> Result<(), StoreError> {
        match self.queue() {
            None => Ok(()),
            Some(queue) => queue.wait_for_reload().await,
        }
    }

    /// Finishes pending writes and closes the file.
    pub(crate) async fn close(&self) {
        if let Some(file) = &self.file {
            file.close().await;
        }
    }

    pub(super) fn queue(&self) -> Option<&WriteQueue> {
        self.file.as_ref().map(|file| &*file.queue)
    }

    pub(super) fn sandbox_index(&self) -> MutexGuard<'_, SandboxIndex> {
        // A panic leaves no partial change: changes are made after everything that can fail.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
