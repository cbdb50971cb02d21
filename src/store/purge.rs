//! When is a table looked through for what is past its life? What is over is known for a while, since there is something
//! to say of it; but a server that goes on for months, or is asked by nobody in particular, keeps no more than twice of
//! what is of use.

use super::statement::Statement;
use super::write_batch::Draft;
use crate::protocol::time::Timestamp;

/// A table of so many rows is never looked through: no test that looks for what is over misses it.
pub(crate) const FEW: usize = if cfg!(test) { 64 } else { 4096 };

/// A full table is searched for expired rows at most this often in milliseconds of the sandbox's clock: a search reads
/// every row, and each refused request would start one.
const MIN_INTERVAL_MS: u64 = 1000;

/// How large a table may become before it is looked through.
#[derive(Debug, Clone)]
pub(crate) struct Growth {
    few: usize,
    searched_full_at: Option<Timestamp>,
}

impl Default for Growth {
    fn default() -> Self {
        Self {
            few: FEW,
            searched_full_at: None,
        }
    }
}

impl Growth {
    /// Whether it is time. Each row is looked at a few times in all, however many there are.
    pub(crate) fn is_due(&self, rows: usize) -> bool {
        rows > self.few
    }

    /// Whether a table that has no room for another row is searched for expired rows.
    pub(crate) fn is_due_when_full(&mut self, now: Timestamp) -> bool {
        let last = self.searched_full_at;
        let is_due = last.is_none_or(|last| now.0.abs_diff(last.0) >= MIN_INTERVAL_MS);
        if is_due {
            self.searched_full_at = Some(now);
        }
        is_due
    }

    /// Of so many rows, so many are left. Where some are gone, the file is told by `sql`, which removes the rows of a world –
    /// its first value – that ended before a moment, its second.
    pub(crate) fn looked_through(
        &mut self,
        (before, left): (usize, usize),
        (sql, moment): (&'static str, Timestamp),
        draft: &mut Draft<'_>,
    ) {
        self.few = FEW.max(left * 2);
        if left < before {
            draft.note(|world| Statement::new(sql).bind(world).bind(moment));
        }
    }
}
