//! The memory that the faults of all sandboxes share.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The memory that the faults of all sandboxes occupy, in bytes.
#[derive(Debug, Default, Clone)]
pub(crate) struct FaultMemory(Arc<AtomicUsize>);

impl FaultMemory {
    /// Counts these bytes until the returned value is dropped.
    pub(super) fn charge(&self, bytes: usize) -> FaultCharge {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        FaultCharge {
            memory: self.clone(),
            bytes,
        }
    }

    pub(super) fn used(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// The bytes of one fault, counted for as long as this lives.
#[derive(Debug)]
pub(super) struct FaultCharge {
    memory: FaultMemory,
    pub(super) bytes: usize,
}

impl Drop for FaultCharge {
    fn drop(&mut self) {
        self.memory.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
