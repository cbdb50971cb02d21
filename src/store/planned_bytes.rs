//! The bytes of changes that are planned and not committed yet.

use std::sync::{Arc, Weak};

/// They count, so that parallel changes do not exceed a bound together.
#[derive(Debug, Default)]
pub(crate) struct PlannedBytes(Vec<Weak<usize>>);

impl PlannedBytes {
    /// Counts these bytes until the returned value is dropped.
    pub(crate) fn add(&mut self, bytes: usize) -> Arc<usize> {
        let planned = Arc::new(bytes);
        self.0.push(Arc::downgrade(&planned));
        planned
    }

    /// How many changes there are, and their bytes.
    pub(crate) fn sum(&mut self) -> (usize, usize) {
        self.0.retain(|planned| planned.strong_count() > 0);
        let bytes = self.0.iter().filter_map(Weak::upgrade);
        (self.0.len(), bytes.map(|bytes| *bytes).sum())
    }
}
