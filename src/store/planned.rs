//! Changes of the catalogue that are planned and not committed yet, as its bounds count them.

use std::sync::{Arc, Weak};

use super::StoreError;
use super::sandboxes::Catalogue;

/// The bytes of changes that are planned and not committed yet. They count, so that parallel changes do not exceed a bound
/// together.
#[derive(Debug, Default)]
pub(super) struct Planned(Vec<Weak<usize>>);

impl Planned {
    /// Counts these bytes until the returned value is dropped.
    pub(super) fn add(&mut self, bytes: usize) -> Arc<usize> {
        let planned = Arc::new(bytes);
        self.0.push(Arc::downgrade(&planned));
        planned
    }

    /// How many changes there are, and their bytes.
    pub(super) fn sum(&mut self) -> (usize, usize) {
        self.0.retain(|planned| planned.strong_count() > 0);
        let bytes = self.0.iter().filter_map(Weak::upgrade);
        (self.0.len(), bytes.map(|bytes| *bytes).sum())
    }
}

/// The most bytes that the seeds of all sandboxes with a seed of their own have.
const MAX_SEED_BYTES: usize = if cfg!(test) {
    64 * 1024
} else {
    32 * 1024 * 1024
};

impl Catalogue {
    /// Checks that there is room for one more seed of a sandbox: such a sandbox stores it twice, as its rows and to go
    /// back to. Errors: the bound.
    pub(super) fn check_room_for_seed(&mut self, bytes: usize) -> Result<(), StoreError> {
        let (_, planned) = self.planned_seeds.sum();
        let all: usize = self.sandboxes.values().map(|kept| kept.seed_bytes).sum();
        if bytes > 0 && all + planned + bytes > MAX_SEED_BYTES {
            let what = "bytes in the seeds of sandboxes";
            return Err(StoreError::Full {
                what,
                most: MAX_SEED_BYTES,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::refused::{World, demo_seed};
    use super::super::{Own, Store, StoredKey};

    #[tokio::test]
    async fn parallel_sandboxes_stay_within_the_bound_of_seed_bytes_also_after_a_restart() {
        let world = World::new("seed-bytes").await;
        let mut seed = demo_seed();
        seed.users[0].image = Some("x".repeat(20 * 1024));
        let key = StoredKey {
            id: None,
            private_key: Vec::new(),
        };
        let make = async |store: &Store, name| {
            let own = Own {
                seed: Some(&seed),
                ..Own::default()
            };
            let made = store.insert_sandbox(name, &seed, own, ("{}", &key));
            made.await.err().map(|error| error.to_string())
        };
        let store = &world.store;
        let refused = tokio::join!(make(store, "a"), make(store, "b"), make(store, "c"));
        let refused = [refused.0, refused.1, refused.2].into_iter().flatten();
        let full =
            "there are 65536 bytes in the seeds of sandboxes already, and there may be no more";
        assert_eq!(refused.collect::<Vec<_>>(), [full]);
        let bytes = |store: &Store| {
            let catalogue = store.catalogue();
            let all = catalogue.sandboxes.values().map(|kept| kept.seed_bytes);
            all.collect::<Vec<_>>()
        };
        let before = bytes(store);
        store.close().await;
        let store = Store::open(&world.database).await.unwrap();
        assert_eq!(bytes(&store), before);
        assert_eq!(make(&store, "c").await.as_deref(), Some(full));
        store.close().await;
    }
}
