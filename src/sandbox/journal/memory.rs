//! The eviction of the oldest exchanges of all journals when they exceed their memory limit.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, PoisonError, TryLockError, Weak};

use super::memory_limit::{DEFAULT_JOURNAL_MEMORY, MemoryLimit};
use super::ring::Ring;

/// Eviction frees this fraction of the limit, so that not each request evicts: a 16th.
const BATCH_DIVISOR: usize = 16;

/// The memory of the journals of one server.
#[derive(Debug)]
pub(crate) struct JournalMemory {
    memory_limit: Arc<MemoryLimit>,
    rings: Mutex<Rings>,
    evicting: Mutex<()>,
}

/// The journals that share the limit.
#[derive(Debug, Default)]
struct Rings {
    all: Vec<Weak<Ring>>,
    /// From this number on, the journals of deleted sandboxes are removed.
    next_cleaning: usize,
}

impl Default for JournalMemory {
    fn default() -> Self {
        Self::new(DEFAULT_JOURNAL_MEMORY)
    }
}

impl JournalMemory {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            memory_limit: Arc::new(MemoryLimit::new(limit)),
            rings: Mutex::default(),
            evicting: Mutex::default(),
        }
    }

    /// The bytes that the journals occupy.
    pub(crate) fn used(&self) -> usize {
        self.memory_limit.used()
    }

    /// The bytes that they may occupy.
    pub(crate) fn limit(&self) -> usize {
        self.memory_limit.limit()
    }

    /// The memory that exchanges are charged to, with its limit.
    pub(super) fn memory_limit(&self) -> &Arc<MemoryLimit> {
        &self.memory_limit
    }

    /// Lets a journal share the limit until it is dropped.
    pub(super) fn register(&self, ring: &Arc<Ring>) {
        let mut rings = self.rings.lock().unwrap_or_else(PoisonError::into_inner);
        if rings.all.len() >= rings.next_cleaning {
            rings.all.retain(|ring| ring.strong_count() > 0);
            rings.next_cleaning = 2 * rings.all.len() + 16;
        }
        rings.all.push(Arc::downgrade(ring));
    }

    /// Evicts the oldest exchanges of all journals if the limit is exceeded.
    pub(super) fn enforce(&self) {
        let limit = self.limit();
        let batch = limit / BATCH_DIVISOR;
        let used = self.used();
        if used <= limit {
            return;
        }
        let _guard = match self.evicting.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Another thread evicts. Requests that exceed the limit by more than a batch wait for it.
            Err(TryLockError::WouldBlock) if used <= limit + batch => return,
            Err(TryLockError::WouldBlock) => {
                self.evicting.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
        let used = self.used();
        if used > limit {
            self.evict(used - (limit - batch));
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
            let last = oldest.peek().map_or(u64::MAX, |Reverse((next, _))| *next);
            let (evicted, next) = rings[at].evict(last, bytes - freed);
            freed += evicted;
            oldest.extend(next.map(|next| Reverse((next, at))));
        }
    }
}
