//! The exchanges of a journal that a user has cleared in the console, for as long as that can be undone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use super::ring::Ring;

/// How long a clearing can be undone, in real time.
const UNDO_TIME: Duration = Duration::from_secs(30);

/// At most one cleared ring. It is dropped after [`UNDO_TIME`], or by the next clearing.
#[derive(Debug, Default)]
pub(super) struct Cleared(Arc<Mutex<Option<Arc<Ring>>>>);

impl Cleared {
    pub(super) fn store(&self, ring: Arc<Ring>) {
        self.store_for(UNDO_TIME, ring);
    }

    fn store_for(&self, time: Duration, ring: Arc<Ring>) {
        let stored = Arc::downgrade(&ring);
        self.replace(Some(ring));
        let place = Arc::downgrade(&self.0);
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            tokio::time::sleep(time).await;
            let Some(place) = place.upgrade() else {
                return;
            };
            let mut place = lock(&place);
            // A later clearing has a time of its own.
            if place
                .as_ref()
                .is_some_and(|ring| Arc::as_ptr(ring) == stored.as_ptr())
            {
                let expired = place.take();
                drop(place);
                drop_later(expired);
            }
        });
    }

    pub(super) fn take(&self) -> Option<Arc<Ring>> {
        lock(&self.0).take()
    }

    pub(super) fn drop_all(&self) {
        self.replace(None);
    }

    fn replace(&self, ring: Option<Arc<Ring>>) {
        let before = std::mem::replace(&mut *lock(&self.0), ring);
        drop_later(before);
    }
}

fn lock(place: &Mutex<Option<Arc<Ring>>>) -> MutexGuard<'_, Option<Arc<Ring>>> {
    place.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Frees the memory of up to ten thousand exchanges without letting the caller wait.
pub(super) fn drop_later(removed: impl Send + 'static) {
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(move || drop(removed))),
        Err(_) => drop(removed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn ring_is_dropped_after_its_time() {
        let cleared = Cleared::default();
        cleared.store_for(Duration::ZERO, Arc::default());
        // The time of this one ends later.
        cleared.store_for(UNDO_TIME, Arc::default());
        let short = Cleared::default();
        short.store_for(Duration::ZERO, Arc::default());
        while lock(&short.0).is_some() {
            tokio::task::yield_now().await;
        }
        assert!(short.take().is_none());
        assert!(cleared.take().is_some());
    }
}
