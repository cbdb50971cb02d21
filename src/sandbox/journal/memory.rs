//! The memory budget that the journals of all sandboxes share, and the eviction of the oldest exchanges.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError, Weak};

use super::ring::Ring;

/// What the journals of one server occupy together, unless it is set, in bytes.
pub(crate) const DEFAULT_JOURNAL_MEMORY: usize = 128 * 1000 * 1000;

/// Less is no room for the largest exchange, in bytes.
pub(crate) const MIN_JOURNAL_MEMORY: usize = 1000 * 1000;

/// A full budget is brought down by this part of itself, so that not each request evicts.
const BATCH: usize = 16;

/// The budget.
#[derive(Debug)]
pub(crate) struct JournalMemory {
    limit: usize,
    used: AtomicUsize,
    /// Counts the exchanges of all sandboxes, to find the oldest of all.
    sequence: AtomicU64,
    rings: Mutex<Rings>,
    evicting: Mutex<()>,
}

/// The journals that share the budget.
#[derive(Debug, Default)]
struct Rings {
    all: Vec<Weak<Ring>>,
    /// When there are this many, those of deleted sandboxes are removed.
    next_cleaning: usize,
}

/// Memory that is counted for as long as this lives.
#[derive(Debug)]
pub(super) struct Charge {
    memory: Arc<JournalMemory>,
    bytes: usize,
}

impl Charge {
    pub(super) fn new(memory: &Arc<JournalMemory>, bytes: usize) -> Self {
        memory.used.fetch_add(bytes, Ordering::Relaxed);
        Self {
            memory: Arc::clone(memory),
            bytes,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Default for JournalMemory {
    fn default() -> Self {
        Self::new(DEFAULT_JOURNAL_MEMORY)
    }
}

impl JournalMemory {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
            sequence: AtomicU64::new(0),
            rings: Mutex::default(),
            evicting: Mutex::default(),
        }
    }

    /// What the journals occupy, in bytes.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// What they may occupy, in bytes.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    /// Lets a journal share the budget until it is dropped.
    pub(super) fn register(&self, ring: &Arc<Ring>) {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        if rings.all.len() >= rings.next_cleaning {
            rings.all.retain(|ring| ring.strong_count() > 0);
            rings.next_cleaning = 2 * rings.all.len() + 16;
        }
        rings.all.push(Arc::downgrade(ring));
    }

    /// Evicts the oldest exchanges of all journals if the budget is exceeded.
    pub(super) fn enforce(&self) {
        let batch = self.limit / BATCH;
        let used = self.used();
        if used <= self.limit {
            return;
        }
        let _turn = match self.evicting.try_lock() {
            Ok(turn) => turn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread evicts. Those that would exceed the budget by much wait for it.
            Err(TryLockError::WouldBlock) if used <= self.limit + batch => return,
            Err(TryLockError::WouldBlock) => {
                self.evicting.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
        let used = self.used();
        if used > self.limit {
            self.evict(used - (self.limit - batch));
        }
    }

    /// Evicts exchanges of at least this many bytes, the oldest first.
    fn evict(&self, bytes: usize) {
        let rings: Vec<Arc<Ring>> = {
            let rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
            rings.all.iter().filter_map(Weak::upgrade).collect()
        };
        let mut oldest: BinaryHeap<Reverse<(u64, usize)>> = rings
            .iter()
            .enumerate()
            .filter_map(|(at, ring)| Some(Reverse((ring.oldest_sequence()?, at))))
            .collect();
        let mut freed = 0;
        while freed < bytes
            && let Some(Reverse((_, at))) = oldest.pop()
        {
            // Up to the oldest exchange of the other journals.
            let until = oldest.peek().map_or(u64::MAX, |Reverse((next, _))| *next);
            let (evicted, next) = rings[at].evict(until, bytes - freed);
            freed += evicted;
            oldest.extend(next.map(|next| Reverse((next, at))));
        }
    }
}
