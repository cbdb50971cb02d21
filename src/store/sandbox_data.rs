//! The data of a sandbox between two resets: its tables behind one lock, and their key in the file.

use super::tables::Tables;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};
use tokio::sync::Mutex;

/// The tables of a sandbox and their key in the file.
#[derive(Debug)]
pub(crate) struct SandboxData {
    /// For the list of data to reload after a failed commit.
    this: Weak<Self>,
    key: Arc<str>,
    tables: RwLock<Tables>,
    /// Whether the tables are loaded: data of an earlier run is loaded on first use.
    pub(crate) loaded: Mutex<bool>,
}

impl SandboxData {
    /// New data.
    pub(crate) fn new(key: impl Into<Arc<str>>, tables: Tables) -> Arc<Self> {
        Self::of(key.into(), tables, true)
    }

    /// Data that an earlier run has left in the file.
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

    /// The key of its rows in the file, which is never used again.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The key, to be stored.
    pub(crate) fn shared_key(&self) -> &Arc<str> {
        &self.key
    }

    // A panic leaves no partial change: changes are made after everything that can fail.

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}
