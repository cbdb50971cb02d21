//! The sandboxes that exist, open or not, by name, and which of them makes room for another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clock::system_now;
use super::handle::SandboxCore;
use super::name::DEFAULT;
use super::template::CreatedBy;
use crate::protocol::time::Timestamp;

/// A sandbox that exists.
#[derive(Debug)]
pub(super) struct Slot {
    /// None until the first request after a start, and while it is closed.
    pub(super) open: Option<Arc<SandboxCore>>,
    pub(super) created_by: CreatedBy,
    /// The time of the last request.
    used: Timestamp,
}

impl Slot {
    pub(super) fn new(created_by: CreatedBy) -> Self {
        Self {
            open: None,
            created_by,
            used: system_now(),
        }
    }

    /// How long the sandbox has been idle, if it may be removed to make room for another.
    pub(super) fn evictable(&self, least_idle: Duration) -> Option<Duration> {
        // The slot has one reference; each request under way has another.
        let is_in_use = self.open.as_ref();
        let is_in_use = is_in_use.is_some_and(|open| Arc::strong_count(open) > 1);
        let is_removable = self.created_by == CreatedBy::Request && !is_in_use;
        Some(self.idle()).filter(|idle| is_removable && *idle >= least_idle)
    }

    /// How long the sandbox has been idle. A request under way uses it.
    pub(super) fn idle(&self) -> Duration {
        let last_used = self.open.as_ref().map_or(self.used, SandboxCore::last_used);
        since(last_used.max(self.used), system_now())
    }
}

/// The sandboxes of one server.
#[derive(Debug)]
pub(super) struct Slots(Mutex<HashMap<String, Slot>>);

impl Slots {
    /// The sandboxes of an earlier run.
    pub(super) fn new(known: impl Iterator<Item = (String, CreatedBy)>) -> Self {
        let known = known.map(|(name, created_by)| (name, Slot::new(created_by)));
        Self(Mutex::new(known.collect()))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<String, Slot>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks the sandbox as used now, by a request of this origin, and returns it if it is open.
    pub(super) fn touch(&self, name: &str, created_by: CreatedBy) -> Option<Arc<SandboxCore>> {
        let mut slots = self.lock();
        let known = slots.get_mut(name)?;
        known.used = system_now();
        if created_by == CreatedBy::Explicit {
            known.created_by = created_by;
        }
        known.open.clone()
    }

    /// The request-created sandbox that has been idle longest.
    pub(super) fn longest_idle(&self, least_idle: Duration) -> Option<String> {
        let slots = self.lock();
        let idle = slots.iter().filter(|(name, _)| *name != DEFAULT);
        let idle = idle.filter_map(|(name, slot)| Some((slot.evictable(least_idle)?, name)));
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
        let slots = Slots::new(std::iter::empty());
        let insert = |name: &str, seconds: i64, created_by| {
            let used = Timestamp(now.0 - seconds * 1000);
            let slot = Slot::new(created_by);
            slots.lock().insert(name.to_owned(), Slot { used, ..slot });
        };
        let longest = |created_by: CreatedBy| slots.longest_idle(created_by.least_idle());
        insert("explicit", 900, CreatedBy::Explicit);
        insert(DEFAULT, 900, CreatedBy::Request);
        assert_eq!(longest(CreatedBy::Explicit), None);
        insert("young", 5, CreatedBy::Request);
        assert_eq!(longest(CreatedBy::Request), None, "not idle for a minute");
        assert_eq!(longest(CreatedBy::Explicit).as_deref(), Some("young"));
        insert("old", 70, CreatedBy::Request);
        insert("older", 90, CreatedBy::Request);
        assert_eq!(longest(CreatedBy::Request).as_deref(), Some("older"));
        assert!(
            slots.touch("older", CreatedBy::Request).is_none(),
            "not open"
        );
        assert_eq!(
            longest(CreatedBy::Request).as_deref(),
            Some("old"),
            "the other was just used"
        );
        slots.touch("old", CreatedBy::Explicit);
        assert_eq!(longest(CreatedBy::Explicit).as_deref(), Some("young"));
    }
}
