//! Counts the memory of values that many sandboxes share a limit for.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A number of bytes in use; clones share it.
#[derive(Debug, Default, Clone)]
pub(crate) struct UsedBytes(Arc<AtomicUsize>);

impl UsedBytes {
    /// Counts these bytes until the returned value is dropped.
    pub(super) fn charge(&self, bytes: usize) -> CountedBytes {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        CountedBytes {
            used: self.clone(),
            bytes,
        }
    }

    pub(super) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Bytes that are counted until this value is dropped.
#[derive(Debug)]
pub(super) struct CountedBytes {
    used: UsedBytes,
    bytes: usize,
}

impl CountedBytes {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts these bytes too.
    pub(super) fn add(&mut self, bytes: usize) {
        self.used.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
    }
}

impl Drop for CountedBytes {
    fn drop(&mut self) {
        self.used.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
