//! What is in one world? The rows of a sandbox at one time of its life, table by table.

use super::tables::Tables;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use tokio::sync::Mutex;

/// A world, and its key in the file. Whoever holds it may read and write there.
#[derive(Debug)]
pub(crate) struct Rows {
    /// For the list of worlds to reload after a failed commit.
    this: Weak<Self>,
    key: Arc<str>,
    tables: RwLock<Tables>,
    /// Whether the tables are what the file says: not yet, where an earlier run has left it and nobody has asked.
    pub(crate) loaded: Mutex<bool>,
}

impl Rows {
    /// A world that has just begun.
    pub(crate) fn new(key: impl Into<Arc<str>>, tables: Tables) -> Arc<Self> {
        Self::of(key.into(), tables, true)
    }

    /// A world that an earlier run has left in the file.
    pub(crate) fn in_file(key: impl Into<Arc<str>>) -> Arc<Self> {
        Self::of(key.into(), Tables::default(), false)
    }

    fn of(key: Arc<str>, tables: Tables, is_loaded: bool) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            key,
            tables: RwLock::new(tables),
            loaded: Mutex::new(is_loaded),
        })
    }

    pub(crate) fn downgrade(&self) -> Weak<Self> {
        Weak::clone(&self.this)
    }

    /// What its rows are kept under; no other world has had it.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The key, for whoever keeps it.
    pub(crate) fn shared_key(&self) -> &Arc<str> {
        &self.key
    }

    // Whoever panicked while holding a lock changed nothing half: changes are made after all that may fail.

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}
