//! Decides when to purge expired rows.
//!
//! Expired rows are retained for a while, so that errors can report "expired" rather than "unknown". A purge runs when the
//! table has doubled, so that its cost is amortised.

use crate::protocol::time::Timestamp;

/// A table with at most this many rows is not purged.
pub(crate) const MIN_ROWS: usize = if cfg!(test) { 64 } else { 4096 };

/// The shortest time between two purges of a full table, in milliseconds of the sandbox's clock: a purge reads every
/// row, and each rejected request would start one.
const MIN_INTERVAL_MS: u64 = 1000;

/// The number of rows at which a table is purged.
#[derive(Debug, Clone)]
pub(crate) struct PurgeThreshold {
    max_rows: usize,
    purged_full_at: Option<Timestamp>,
}

impl Default for PurgeThreshold {
    fn default() -> Self {
        Self {
            max_rows: MIN_ROWS,
            purged_full_at: None,
        }
    }
}

impl PurgeThreshold {
    /// Whether the table has grown beyond its threshold.
    pub(crate) fn should_purge(&self, rows: usize) -> bool {
        rows > self.max_rows
    }

    /// Whether a table that has no room for another row is searched for expired rows.
    pub(crate) fn should_purge_when_full(&mut self, now: Timestamp) -> bool {
        let last = self.purged_full_at;
        let should_purge = last.is_none_or(|last| now.0.abs_diff(last.0) >= MIN_INTERVAL_MS);
        if should_purge {
            self.purged_full_at = Some(now);
        }
        should_purge
    }

    /// Sets the next threshold after a purge.
    pub(crate) fn purged(&mut self, rows_left: usize) {
        self.max_rows = MIN_ROWS.max(rows_left * 2);
    }
}
