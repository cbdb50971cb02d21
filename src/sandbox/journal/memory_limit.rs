//! The memory that the journals of all sandboxes occupy, and its limit.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::sandbox::used_bytes::{CountedBytes, UsedBytes};

/// The limit of one server, unless it is set, in bytes.
pub(crate) const DEFAULT_JOURNAL_MEMORY: usize = 128 * 1000 * 1000;

/// A smaller limit has no room for the largest exchange, in bytes.
pub(crate) const MIN_JOURNAL_MEMORY: usize = 1000 * 1000;

/// The memory of the exchanges of all sandboxes: used bytes and limit.
#[derive(Debug)]
pub(super) struct MemoryLimit {
    limit: usize,
    used: UsedBytes,
    /// Counts the exchanges of all sandboxes, to find the oldest of all.
    sequence: AtomicU64,
}

impl MemoryLimit {
    /// A limit of this many bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: UsedBytes::default(),
            sequence: AtomicU64::new(0),
        }
    }

    /// The bytes that the journals occupy.
    pub(super) fn used(&self) -> usize {
        self.used.get()
    }

    /// The bytes that the journals may occupy.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Counts these bytes until the returned value is dropped.
    pub(super) fn charge(&self, bytes: usize) -> CountedBytes {
        self.used.charge(bytes)
    }

    /// The sequence number of the next exchange.
    pub(super) fn next_sequence(&self) -> u64 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }
}
