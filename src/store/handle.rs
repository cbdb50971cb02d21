//! The handle of a store, which its operations are methods of.

use super::catalogue::Catalogue;
use super::error::StoreError;
use super::file::File;
use super::write_queue::Log;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All that one server keeps.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(super) catalogue: Arc<Mutex<Catalogue>>,
    /// How many servers have had the rows before this one.
    pub(super) run: u64,
    /// Where the rows outlive the process.
    pub(super) file: Option<Arc<File>>,
}

impl Store {
    /// How many servers have had these rows before this one: 0 for the first, and in memory.
    pub(crate) fn run(&self) -> u64 {
        self.run
    }

    /// Whether a change would be acknowledged. It rewrites a page of the file: reading would not notice a full disk.
    pub(crate) async fn ready(&self) -> Result<(), StoreError> {
        match self.log() {
            None => Ok(()),
            Some(log) => log.try_out().await,
        }
    }

    /// Returns when memory has nothing that the file has refused. Errors: it cannot be reloaded.
    pub(crate) async fn settled(&self) -> Result<(), StoreError> {
        match self.log() {
            None => Ok(()),
            Some(log) => log.settled().await,
        }
    }

    /// Finishes what is under way and closes the file.
    pub(crate) async fn close(&self) {
        if let Some(file) = &self.file {
            file.close().await;
        }
    }

    pub(super) fn log(&self) -> Option<&Log> {
        self.file.as_ref().map(|file| &*file.log)
    }

    pub(super) fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        // Whoever panicked while holding the lock changed nothing half: changes are made after all that may fail.
        self.catalogue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
