//! The journal: the exchanges of one sandbox, in order. It has a capacity of its own and a memory limit that all sandboxes
//! share. `middleware/journal.rs` writes it, `control/requests.rs` reads it.

mod capture;
mod cleared;
mod credentials;
mod entry;
mod kind;
mod memory;
mod memory_limit;
mod readers;
mod redirect;
mod ring;
mod stored;
mod stored_head;
mod text_search;
mod truncate;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

use crate::model::refusal_cause::RequestRef;
use crate::protocol::secret::SecretHash;

use cleared::Cleared;

pub(crate) use capture::{Capture, CapturedBody, Facts, RevokeNoop, STORED_HEADERS};
pub(crate) use credentials::{CredentialAction, CredentialEvent};
pub(crate) use entry::Entry;
pub(crate) use kind::{ExchangeKind, KindCounts, is_refused};
pub(crate) use memory::JournalMemory;
pub(crate) use memory_limit::{DEFAULT_JOURNAL_MEMORY, MIN_JOURNAL_MEMORY};
pub(crate) use readers::{ReaderLimits, ReaderPermit, TooManyReaders};
pub use ring::Counters;
pub(crate) use ring::Evicted;
use ring::Ring;
pub(crate) use stored::StoredExchange;
pub(crate) use text_search::TextNeedle;
pub(crate) use truncate::{JsonSizeLimit, cut, original_len, size_in_bytes};

/// How many exchanges each journal stores, unless it is set.
pub(crate) const DEFAULT_CAPACITY: usize = 10_000;

/// The exchanges of one sandbox.
#[derive(Debug)]
pub(crate) struct Journal {
    ring: Arc<Ring>,
    capacity: usize,
    memory: Arc<JournalMemory>,
    readers: Arc<ReaderLimits>,
    /// The id of the newest exchange.
    newest: AtomicU64,
    /// The same, for requests that wait for the next exchange.
    watched: watch::Sender<u64>,
    /// The exchanges of the last clearing that can be undone.
    cleared: Cleared,
}

/// The limits that the journals of all sandboxes share.
#[derive(Debug, Clone, Default)]
pub(crate) struct JournalLimits {
    pub(crate) memory: Arc<JournalMemory>,
    pub(crate) readers: Arc<ReaderLimits>,
}

impl Journal {
    pub(crate) fn new(capacity: usize, limits: &JournalLimits) -> Self {
        let ring = Arc::new(Ring::default());
        limits.memory.register(&ring);
        Self {
            ring,
            capacity,
            memory: Arc::clone(&limits.memory),
            readers: Arc::clone(&limits.readers),
            newest: AtomicU64::new(0),
            watched: watch::Sender::new(0),
            cleared: Cleared::default(),
        }
    }

    /// The limits on its readers.
    pub(crate) fn readers(&self) -> &Arc<ReaderLimits> {
        &self.readers
    }

    /// Whether it stores no exchange at all.
    pub(crate) fn is_off(&self) -> bool {
        self.capacity == 0
    }

    /// The stored form of an exchange, which counts against the memory limit from here on.
    pub(crate) fn store(&self, capture: Capture<'_>) -> StoredExchange {
        StoredExchange::new(capture, self.memory.memory_limit())
    }

    /// Adds an exchange and returns its id.
    pub(crate) fn push(&self, exchange: StoredExchange) -> u64 {
        let (mut added, mut is_watched) = (0, false);
        self.ring
            .push(exchange, self.capacity, self.memory.memory_limit(), |id| {
                added = id;
                // A new watcher reads this first.
                self.newest.store(id, Ordering::Release);
                is_watched = self.watched.receiver_count() > 0;
            });
        if is_watched {
            self.notify_watchers();
        }
        self.memory.enforce();
        added
    }

    fn notify_watchers(&self) {
        // Of two parallel notifications, the newer one counts.
        self.watched
            .send_modify(|known| *known = self.newest().max(*known));
    }

    /// At most a page of exchanges after this one, oldest first: none if it is the newest.
    pub(crate) fn page_after(&self, id: u64) -> Vec<Arc<StoredExchange>> {
        self.ring.page_after(id)
    }

    /// At most a page of exchanges before this one, newest first.
    pub(crate) fn page_before(&self, id: u64) -> Vec<Arc<StoredExchange>> {
        self.ring.page_before(id)
    }

    /// The exchanges of these ids that are still stored.
    pub(crate) fn find(&self, ids: &[u64]) -> Vec<Arc<StoredExchange>> {
        self.ring.find(ids)
    }

    /// The requests that did something with this credential, oldest first.
    pub(crate) fn credential_history(
        &self,
        hash: &SecretHash,
    ) -> Vec<(RequestRef, CredentialAction)> {
        let found = self.ring.credential_history(hash).into_iter();
        found.map(to_reference).collect()
    }

    /// The newest request that issued this credential, and those that used or revoked it since, newest first.
    pub(crate) fn credential_life(&self, hash: &SecretHash) -> Vec<(RequestRef, CredentialAction)> {
        let found = self.ring.credential_life(hash).into_iter();
        found.map(to_reference).collect()
    }

    /// Whether any exchange meets the condition.
    pub(crate) fn any(&self, is_met: impl Fn(&StoredExchange) -> bool) -> bool {
        let mut last = 0;
        loop {
            let page = self.page_after(last);
            let Some(newest) = page.last() else {
                return false;
            };
            if page.iter().any(|exchange| is_met(exchange)) {
                return true;
            }
            last = newest.id;
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        self.ring.counters()
    }

    /// How many exchanges are stored, by kind.
    pub(crate) fn kind_counts(&self) -> KindCounts {
        self.ring.kind_counts()
    }

    /// The exchanges that were removed to make room.
    pub(crate) fn evicted(&self) -> Evicted {
        self.ring.evicted()
    }

    /// The id of the newest exchange, whether it is still stored or not.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }

    /// How often it was cleared. Counts of before a clearing are outdated.
    pub(crate) fn clearings(&self) -> u64 {
        self.ring.clearings()
    }

    /// Notes that a snapshot was restored: an app may repeat requests that it sent before.
    pub(crate) fn note_restore(&self) {
        self.ring.note_restore();
    }

    /// The id of the newest exchange before each restore of a snapshot.
    pub(crate) fn restores(&self) -> Vec<u64> {
        self.ring.restores()
    }

    /// Removes every exchange. Ids are not reused.
    pub(crate) fn clear(&self) {
        self.cleared.drop_all();
        cleared::drop_later(self.ring.clear());
    }

    /// The same, but [`Journal::undo_clear`] can put the exchanges back for 30 seconds.
    pub(crate) fn clear_undoably(&self) {
        // A second click does not end the undo of the first.
        let Some(cleared) = self.ring.clear_if_any() else {
            return;
        };
        let cleared = Arc::new(cleared);
        // They count against the memory limit, and are evicted as all others.
        self.memory.register(&cleared);
        self.cleared.store(cleared);
    }

    /// Puts the exchanges of the last undoable clearing back, and returns whether there were any.
    pub(crate) fn undo_clear(&self) -> bool {
        let Some(cleared) = self.cleared.take() else {
            return false;
        };
        let is_back = self.ring.put_back(&cleared, self.capacity);
        cleared::drop_later(cleared);
        is_back
    }

    /// Reports every exchange from now on.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        // No exchange is added in between: a later one is reported.
        let watch = self.ring.locked(|| self.watched.subscribe());
        self.notify_watchers();
        watch
    }
}

fn to_reference(
    (exchange, action): (Arc<StoredExchange>, CredentialAction),
) -> (RequestRef, CredentialAction) {
    let (request, at) = (exchange.id, exchange.at);
    (RequestRef { request, at }, action)
}

#[cfg(test)]
mod tests;
