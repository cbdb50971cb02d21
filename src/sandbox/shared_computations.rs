//! Computations that several callers ask for at the same time: one of them runs, and all callers share its result. If it
//! fails, or its caller disconnects, the next caller runs its own.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

/// The computations of one sandbox that are under way.
#[derive(Debug, Default)]
pub(crate) struct SharedComputations(Mutex<Vec<Weak<Computation>>>);

struct Computation {
    key: String,
    result: OnceCell<Arc<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Computation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Computation")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

impl SharedComputations {
    /// The result of the computation of this key: the one under way, or a new one. It is dropped once all callers have it.
    pub(crate) async fn share<T, E, F>(
        &self,
        key: String,
        compute: impl FnOnce() -> F,
    ) -> Result<Arc<T>, E>
    where
        T: Any + Send + Sync,
        F: Future<Output = Result<T, E>>,
    {
        let computation = self.computation(key);
        let mut own = None;
        let shared = computation
            .result
            .get_or_try_init(|| async {
                let result = Arc::new(compute().await?);
                own = Some(Arc::clone(&result));
                Ok::<Arc<dyn Any + Send + Sync>, E>(result)
            })
            .await?;
        match own {
            Some(own) => Ok(own),
            None => Ok(Arc::clone(shared)
                .downcast()
                .expect("one key stands for one type")),
        }
    }

    fn computation(&self, key: String) -> Arc<Computation> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.strong_count() > 0);
        let mut running = all.iter().filter_map(Weak::upgrade);
        if let Some(known) = running.find(|one| one.key == key) {
            return known;
        }
        let new = Arc::new(Computation {
            key,
            result: OnceCell::new(),
        });
        all.push(Arc::downgrade(&new));
        new
    }
}
