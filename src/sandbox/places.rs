//! The places of sandboxes: one for each name, who holds it, and which one makes room when all are taken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::RwLock;

use super::clock::system_now;
use super::handle::Shared;
use super::name::DEFAULT;
use super::template::CreatedBy;
use crate::protocol::time::Timestamp;
use crate::store::StoreError;

/// The place of the sandbox of one name. Opening and closing it take the write lock, so that there is at most one.
pub(super) type Inside = Arc<RwLock<Option<Arc<Shared>>>>;

/// The place of one sandbox.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) inside: Inside,
    created_by: CreatedBy,
    /// When the last request came.
    used: Timestamp,
}

impl Place {
    fn new(created_by: CreatedBy) -> Self {
        Self {
            inside: Inside::default(),
            created_by,
            used: system_now(),
        }
    }

    /// How long the sandbox has been idle, if it may be removed to make room for another.
    pub(super) fn evictable(
        &self,
        inside: Option<&Arc<Shared>>,
        least_idle: Duration,
    ) -> Option<Duration> {
        // The registry holds it once; anything more is a request under way.
        let is_in_use = inside.is_some_and(|inside| Arc::strong_count(inside) > 1);
        if self.created_by == CreatedBy::Explicit || is_in_use {
            return None;
        }
        Some(self.idle(inside)).filter(|idle| *idle >= least_idle)
    }

    /// How long the sandbox has been idle. A request that is under way uses it.
    pub(super) fn idle(&self, inside: Option<&Arc<Shared>>) -> Duration {
        let left = inside.map_or(self.used, Shared::last_used);
        since(left.max(self.used), system_now())
    }
}

/// The places of one server, at most as many as `--max-sandboxes` says.
#[derive(Debug)]
pub(super) struct Places {
    by_name: Mutex<HashMap<String, Place>>,
    most: usize,
}

impl Places {
    /// The places of the sandboxes that exist.
    pub(super) fn new(known: impl Iterator<Item = (String, CreatedBy)>, most: usize) -> Self {
        let known = known.map(|(name, created_by)| (name, Place::new(created_by)));
        Self {
            by_name: Mutex::new(known.collect()),
            most,
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, HashMap<String, Place>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<Inside> {
        let mut places = self.lock();
        let known = places.get_mut(name)?;
        known.used = system_now();
        Some(Arc::clone(&known.inside))
    }

    /// The place of this name, or a new one. Errors: all are taken.
    pub(super) fn take(&self, name: &str, created_by: CreatedBy) -> Result<Inside, StoreError> {
        let mut places = self.lock();
        if let Some(known) = places.get_mut(name) {
            known.used = system_now();
            if created_by == CreatedBy::Explicit {
                known.created_by = created_by;
            }
            return Ok(Arc::clone(&known.inside));
        }
        if places.len() >= self.most && name != DEFAULT {
            return Err(StoreError::TooManySandboxes { most: self.most });
        }
        let place = Place::new(created_by);
        let inside = Arc::clone(&place.inside);
        places.insert(name.to_owned(), place);
        Ok(inside)
    }

    /// Marks the sandbox of a place as wanted explicitly.
    pub(super) fn claim(&self, name: &str) {
        if let Some(place) = self.lock().get_mut(name) {
            place.created_by = CreatedBy::Explicit;
        }
    }

    /// The sandbox that has been idle longest of those that a mere request created.
    pub(super) fn longest_idle(&self, least_idle: Duration) -> Option<String> {
        let places = self.lock();
        let idle = places.iter().filter_map(|(name, place)| {
            // Opened or closed at the moment, or waited for: in use.
            let inside = place.inside.try_read().ok()?;
            let is_awaited = Arc::strong_count(&place.inside) > 1;
            let idle = place.evictable(inside.as_ref(), least_idle)?;
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
    fn the_sandbox_that_has_been_idle_longest_of_those_that_requests_created_makes_room() {
        let now = system_now();
        let idle = |seconds: i64, created_by| Place {
            used: Timestamp(now.0 - seconds * 1000),
            ..Place::new(created_by)
        };
        let places = Places::new(std::iter::empty(), 9);
        let longest = |created_by: CreatedBy| places.longest_idle(created_by.least_idle());
        places
            .lock()
            .insert("explicit".to_owned(), idle(900, CreatedBy::Explicit));
        places
            .lock()
            .insert(DEFAULT.to_owned(), idle(900, CreatedBy::Request));
        assert_eq!(longest(CreatedBy::Explicit), None);
        places
            .lock()
            .insert("young".to_owned(), idle(5, CreatedBy::Request));
        assert_eq!(longest(CreatedBy::Request), None, "not idle for a minute");
        assert_eq!(longest(CreatedBy::Explicit).as_deref(), Some("young"));
        for (name, seconds) in [("old", 70), ("older", 90)] {
            let place = idle(seconds, CreatedBy::Request);
            places.lock().insert(name.to_owned(), place);
        }
        assert_eq!(longest(CreatedBy::Request).as_deref(), Some("older"));
        let in_use = places.find("older").unwrap();
        assert_eq!(longest(CreatedBy::Request).as_deref(), Some("old"));
        drop(in_use);
        assert_eq!(
            longest(CreatedBy::Request).as_deref(),
            Some("old"),
            "just used"
        );
        places.claim("old");
        assert_eq!(longest(CreatedBy::Request), None);
    }
}
