//! What is in one world? The rows of a sandbox at one time of its life, table by table.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak};

use tokio::sync::Mutex;

use super::accounts::Accounts;
use super::clients::Clients;
use super::codes::Codes;
use super::consents::Consents;
use super::devices::Devices;
use super::log::Pending;
use super::sessions::Sessions;
use super::spends::Spends;
use super::tokens::Tokens;
use super::users::Users;
use super::workflows::Workflows;

/// A world, and its key in the file. Whoever holds it may read and write there.
#[derive(Debug)]
pub(crate) struct Rows {
    /// For the list of worlds to reload after a failed commit.
    this: Weak<Self>,
    key: Arc<str>,
    tables: RwLock<Tables>,
    /// Whether the tables are what the file says: not yet, where an earlier run has left it and nobody has asked.
    pub(super) loaded: Mutex<bool>,
}

/// Every row of a world.
#[derive(Debug, Default, Clone)]
pub(super) struct Tables {
    /// The batch of the last change; none if the rows are as the file has them.
    pub(super) pending: Option<Pending>,
    pub(super) users: Users,
    pub(super) clients: Clients,
    pub(super) sessions: Sessions,
    pub(super) consents: Consents,
    pub(super) codes: Codes,
    pub(super) tokens: Tokens,
    pub(super) devices: Devices,
    pub(super) accounts: Accounts,
    pub(super) workflows: Workflows,
    pub(super) spends: Spends,
}

impl Tables {
    /// The approximate bytes of all rows: their texts, and what a row of fixed columns takes in memory.
    pub(super) fn size_in_bytes(&self) -> usize {
        self.users.size_in_bytes()
            + self.clients.size_in_bytes()
            + self.sessions.count() * ROW_BYTES
            + self.consents.size_in_bytes()
            + self.codes.size_in_bytes()
            + self.tokens.count() * ROW_BYTES
            + self.devices.count() * 2 * ROW_BYTES
            + self.workflows.size_in_bytes()
            + self.spends.count() * ROW_BYTES
    }
}

/// The approximate bytes of a row in memory, without its long texts.
pub(super) const ROW_BYTES: usize = 256;

impl Rows {
    /// A world that has just begun.
    pub(super) fn new(key: impl Into<Arc<str>>, tables: Tables) -> Arc<Self> {
        Self::of(key.into(), tables, true)
    }

    /// A world that an earlier run has left in the file.
    pub(super) fn in_file(key: impl Into<Arc<str>>) -> Arc<Self> {
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

    pub(super) fn downgrade(&self) -> Weak<Self> {
        Weak::clone(&self.this)
    }

    /// What its rows are kept under; no other world has had it.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The key, for whoever keeps it.
    pub(super) fn shared_key(&self) -> &Arc<str> {
        &self.key
    }

    // Whoever panicked while holding a lock changed nothing half: changes are made after all that may fail.

    pub(super) fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}
