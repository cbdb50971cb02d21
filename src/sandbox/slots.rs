//! The slots of sandboxes, one for each name, and the eviction of the least recently used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::RwLock;

use super::clock::system_now;
use super::handle::SandboxCore;
use super::name::DEFAULT;
use super::template::CreatedBy;
use crate::protocol::time::Timestamp;
use crate::store::StoreError;

/// The slot of the sandbox of one name. Opening and closing it take the write lock, so that there is at most one.
pub(super) type SlotContents = Arc<RwLock<Option<Arc<SandboxCore>>>>;

/// The slot of one sandbox.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) contents: SlotContents,
    created_by: CreatedBy,
    /// The time of the last request.
    used: Timestamp,
}

impl Slot {
    fn new(created_by: CreatedBy) -> Self {
        Self {
            contents: SlotContents::default(),
            created_by,
            used: system_now(),
        }
    }

    /// How long the sandbox has been idle, if it may be removed to make room for another.
    pub(super) fn evictable(
        &self,
        contents: Option<&Arc<SandboxCore>>,
        least_idle: Duration,
    ) -> Option<Duration> {
        // The registry holds it once; anything more is a request under way.
        let is_in_use = contents.is_some_and(|contents| Arc::strong_count(contents) > 1);
        if self.created_by == CreatedBy::Explicit || is_in_use {
            return None;
        }
        Some(self.idle(contents)).filter(|idle| *idle >= least_idle)
    }

    /// How long the sandbox has been idle. A request under way uses it.
    pub(super) fn idle(&self, contents: Option<&Arc<SandboxCore>>) -> Duration {
        let left = contents.map_or(self.used, SandboxCore::last_used);
        since(left.max(self.used), system_now())
    }
}

/// The slots of one server, at most `--max-sandboxes`.
#[derive(Debug)]
pub(super) struct Slots {
    by_name: Mutex<HashMap<String, Slot>>,
    max_sandboxes: usize,
}

impl Slots {
    /// The slots of the sandboxes that exist.
    pub(super) fn new(
        known: impl Iterator<Item = (String, CreatedBy)>,
        max_sandboxes: usize,
    ) -> Self {
        let known = known.map(|(name, created_by)| (name, Slot::new(created_by)));
        Self {
            by_name: Mutex::new(known.collect()),
            max_sandboxes,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The slot of this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<SlotContents> {
        let mut slots = self.lock();
        let known = slots.get_mut(name)?;
        known.used = system_now();
        Some(Arc::clone(&known.contents))
    }

    /// The slot of this name, or a new one. Errors: all are taken.
    pub(super) fn take(
        &self,
        name: &str,
        created_by: CreatedBy,
    ) -> Result<SlotContents, StoreError> {
        let mut slots = self.lock();
        if let Some(known) = slots.get_mut(name) {
            known.used = system_now();
            if created_by == CreatedBy::Explicit {
                known.created_by = created_by;
            }
            return Ok(Arc::clone(&known.contents));
        }
        if slots.len() >= self.max_sandboxes && name != DEFAULT {
            return Err(StoreError::TooManySandboxes {
                most: self.max_sandboxes,
            });
        }
        let slot = Slot::new(created_by);
        let contents = Arc::clone(&slot.contents);
        slots.insert(name.to_owned(), slot);
        Ok(contents)
    }

    /// Marks the sandbox of a slot as created explicitly.
    pub(super) fn mark_explicit(&self, name: &str) {
        if let Some(slot) = self.lock().get_mut(name) {
            slot.created_by = CreatedBy::Explicit;
        }
    }

    /// The request-created sandbox that has been idle longest.
    pub(super) fn longest_idle(&self, least_idle: Duration) -> Option<String> {
        let slots = self.lock();
        let idle = slots.iter().filter_map(|(name, slot)| {
            // A sandbox is in use while it is opened or closed, and while a request waits for it.
            let contents = slot.contents.try_read().ok()?;
            let is_awaited = Arc::strong_count(&slot.contents) > 1;
            let idle = slot.evictable(contents.as_ref(), least_idle)?;
            (*name != DEFAULT && !is_awaited).then_some((idle, name))
        });
        idle.max().map(|(_, name)| name.clone())
    }
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(now.0 - then.0).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_idle_request_created_sandbox_is_evicted() {
        let now = system_now();
        let idle = |seconds: i64, created_by| Slot {
            used: Timestamp(now.0 - seconds * 1000),
            ..Slot::new(created_by)
        };
        let slots = Slots::new(std::iter::empty(), 9);
        let longest = |created_by: CreatedBy| slots.longest_idle(created_by.least_idle());
        slots
            .lock()
            .insert("explicit".to_owned(), idle(900, CreatedBy::Explicit));
        slots
            .lock()
            .insert(DEFAULT.to_owned(), idle(900, CreatedBy::Request));
        assert_eq!(longest(CreatedBy::Explicit), None);
        slots
            .lock()
            .insert("young".to_owned(), idle(5, CreatedBy::Request));
        assert_eq!(longest(CreatedBy::Request), None, "not idle for a minute");
        assert_eq!(longest(CreatedBy::Explicit).as_deref(), Some("young"));
        for (name, seconds) in [("old", 70), ("older", 90)] {
            let slot = idle(seconds, CreatedBy::Request);
            slots.lock().insert(name.to_owned(), slot);
        }
        assert_eq!(longest(CreatedBy::Request).as_deref(), Some("older"));
        let in_use = slots.find("older").unwrap();
        assert_eq!(longest(CreatedBy::Request).as_deref(), Some("old"));
        drop(in_use);
        assert_eq!(
            longest(CreatedBy::Request).as_deref(),
            Some("old"),
            "just used"
        );
        slots.mark_explicit("old");
        assert_eq!(longest(CreatedBy::Request), None);
    }
}
