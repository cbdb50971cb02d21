//! The memory that the journals of all sandboxes occupy, and its limit.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The limit of one server, unless it is set, in bytes.
pub(crate) const DEFAULT_JOURNAL_MEMORY: usize = 128 * 1000 * 1000;

/// A smaller limit has no room for the largest exchange, in bytes.
pub(crate) const MIN_JOURNAL_MEMORY: usize = 1000 * 1000;

/// The budget that the exchanges of all sandboxes are charged to.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    limit: usize,
    used: AtomicUsize,
    /// Counts the exchanges of all sandboxes, to find the oldest of all.
    sequence: AtomicU64,
}

impl MemoryBudget {
    /// A budget of this many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
            sequence: AtomicU64::new(0),
        }
    }

    /// The bytes that the journals occupy.
    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// The bytes that the journals may occupy.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The sequence number of the next exchange.
    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }
}

/// Memory that is counted until this value is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    budget: Arc<MemoryBudget>,
    bytes: usize,
}

impl Charge {
    pub(super) fn new(budget: &Arc<MemoryBudget>, bytes: usize) -> Self {
        budget.used.fetch_add(bytes, Ordering::Relaxed);
        Self {
            budget: Arc::clone(budget),
            bytes,
        }
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
