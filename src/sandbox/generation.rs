//! The data of a sandbox between two resets. Each reset and each restore begins a generation; requests that began before
//! it go on in the older one, and when the last of them ends, that one is removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::purge::Purger;
use crate::store::SandboxData;

/// One generation of a sandbox's data. It is removed when it is stale and the last handle to it is dropped.
#[derive(Debug)]
pub(crate) struct Generation {
    rows: Arc<SandboxData>,
    is_stale: AtomicBool,
    purger: Purger,
}

impl Generation {
    pub(super) fn new(rows: Arc<SandboxData>, purger: Purger) -> Self {
        Self {
            rows,
            is_stale: AtomicBool::new(false),
            purger,
        }
    }

    pub(super) fn rows(&self) -> &SandboxData {
        &self.rows
    }

    /// Has it removed when the last handle to it is dropped.
    pub(super) fn mark_stale(&self) {
        self.is_stale.store(true, Ordering::Release);
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        if self.is_stale.load(Ordering::Acquire) {
            self.purger.remove(self.rows.key().to_owned());
        }
    }
}
