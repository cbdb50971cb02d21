//! The data of a sandbox between two resets: its tables behind one lock, and the file that they are written to.

use super::error::StoreError;
use super::file::DatabaseFile;
use super::tables::Tables;
use super::tables::grant_tables::{GrantTable, UserClientFilter};
use super::write_batch::WriteBatch;
use super::write_queue::Reload;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use tokio::sync::Mutex;

/// The tables of a sandbox. Each reset and each restore replaces the data; requests that began before it go on in the older
/// data, and when the last of them ends, its rows are removed from the file.
#[derive(Debug)]
pub(crate) struct SandboxData {
    /// For the list of data to reload after a failed commit.
    this: Weak<dyn Reload>,
    key: Arc<str>,
    tables: RwLock<Tables>,
    /// Whether the tables are loaded: data of an earlier run is loaded on first use.
    loaded: Mutex<bool>,
    /// None with `--database memory`.
    file: Option<Arc<DatabaseFile>>,
    is_retired: AtomicBool,
    /// How often the tables were changed.
    changes: AtomicU64,
}

impl SandboxData {
    /// New data.
    pub(super) fn new(
        key: impl Into<Arc<str>>,
        tables: Tables,
        file: Option<Arc<DatabaseFile>>,
    ) -> Arc<Self> {
        Self::with_file(key.into(), tables, true, file)
    }

    /// Data that an earlier run has written to the file.
    pub(super) fn in_file(key: impl Into<Arc<str>>, file: &Arc<DatabaseFile>) -> Arc<Self> {
        let file = Some(Arc::clone(file));
        Self::with_file(key.into(), Tables::default(), false, file)
    }

    fn with_file(
        key: Arc<str>,
        tables: Tables,
        is_loaded: bool,
        file: Option<Arc<DatabaseFile>>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|this: &Weak<Self>| Self {
            this: Weak::<Self>::clone(this),
            key,
            tables: RwLock::new(tables),
            loaded: Mutex::new(is_loaded),
            file,
            is_retired: AtomicBool::new(false),
            changes: AtomicU64::new(0),
        })
    }

    /// The key of its rows in the file, which is never used again.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// How often the tables were changed: pages of the console look for changes.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Loads the data of an earlier run into memory.
    pub(super) async fn load(&self) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            let mut loaded = self.loaded.lock().await;
            if !*loaded {
                let tables = file
                    .readers
                    .read(async |db| Tables::read(db, &self.key).await)
                    .await?;
                *self.write() = tables;
                *loaded = true;
            }
        }
        Ok(())
    }

    /// Changes the data in memory, and returns when the change is committed. If the commit fails, the data is reloaded from
    /// the file.
    pub(super) async fn change<T>(
        &self,
        change: impl FnOnce(&mut Tables, &mut WriteBatch<'_>) -> T,
    ) -> Result<T, StoreError> {
        let Some(file) = &self.file else {
            let mut batch = WriteBatch::new(&self.key, false);
            return Ok(change(&mut self.write(), &mut batch));
        };
        file.queue.wait_until_writable().await?;
        let (changed, pending) = {
            let mut tables = self.write();
            let mut batch = WriteBatch::new(&self.key, true);
            let changed = change(&mut tables, &mut batch);
            // Before the lock is released: the file sees changes in the order in which memory saw them.
            let statements = batch.into_statements();
            let pending = file
                .queue
                .append_change(&self.this, &mut tables, statements)?;
            (changed, pending)
        };
        if let Some(pending) = pending {
            file.queue.committed(pending).await?;
        }
        Ok(changed)
    }

    /// Deletes the selected rows of several tables in one change and returns how many.
    pub(crate) async fn delete_grants(
        &self,
        owned: &[GrantTable],
        filter: UserClientFilter<'_>,
    ) -> Result<u64, StoreError> {
        self.change(|tables, batch| {
            owned
                .iter()
                .map(|table| tables.remove(*table, filter, batch))
                .sum()
        })
        .await
    }

    /// Marks it as replaced: its rows are removed from the file when the last handle to it is dropped.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Release);
    }

    // A panic leaves no partial change: changes are made after everything that can fail.

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.changes.fetch_add(1, Ordering::Relaxed);
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reload for SandboxData {
    fn key(&self) -> &str {
        &self.key
    }

    fn replace(&self, tables: Tables) {
        *self.write() = tables;
    }
}

impl Drop for SandboxData {
    fn drop(&mut self) {
        if let Some(file) = &self.file
            && self.is_retired.load(Ordering::Acquire)
        {
            file.remove_later(Arc::clone(&self.key));
        }
    }
}
