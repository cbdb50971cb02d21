//! Tests of the bound on the seeds of all sandboxes.

use super::support::{TestStore, new_sandbox, no_key, seed};
use crate::store::{NewSandboxRow, Store};

#[tokio::test]
async fn parallel_sandboxes_stay_within_the_bound_of_seed_bytes_also_after_a_restart() {
    let test = TestStore::new("seed-bytes").await;
    let mut seed = seed();
    seed.users[0].image = Some("x".repeat(24 * 1024));
    let key = no_key();
    let make = async |store: &Store, name| {
        let new = NewSandboxRow {
            own_seed: Some(&seed),
            ..new_sandbox(name, &seed, &key)
        };
        let made = store.insert_sandbox(new);
        made.await.err().map(|error| error.to_string())
    };
    let store = &test.store;
    let refused = tokio::join!(make(store, "a"), make(store, "b"), make(store, "c"));
    let refused = [refused.0, refused.1, refused.2].into_iter().flatten();
    let full = "the limit of 65536 bytes in the seeds of sandboxes is reached";
    assert_eq!(refused.collect::<Vec<_>>(), [full]);
    let bytes = |store: &Store| {
        let index = store.sandbox_index();
        let all = index.sandboxes.values().map(|record| record.seed_bytes);
        all.collect::<Vec<_>>()
    };
    let before = bytes(store);
    store.close().await;
    let store = Store::open(&test.database).await.unwrap();
    assert_eq!(bytes(&store), before);
    assert_eq!(make(&store, "c").await.as_deref(), Some(full));
    store.close().await;
}
