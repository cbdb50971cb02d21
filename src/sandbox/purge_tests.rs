//! When the rows of a sandbox before a reset are removed.

use std::sync::Arc;

use super::purge::purge_channel;
use super::registry::Registry;
use super::template::{CreatedBy, SandboxTemplate};
use crate::store::{Database, Store};

#[tokio::test]
async fn stale_data_is_removed_when_the_last_handle_is_dropped() {
    let store = Store::open(&Database::Memory).await.unwrap();
    let (purger, mut purge_queue) = purge_channel();
    let registry = Registry::open(store.clone(), SandboxTemplate::default(), 2, purger);
    let registry = Arc::new(registry);
    let early = registry.sandbox("x", CreatedBy::Request).await.unwrap();
    early.reset().await.unwrap();
    assert_eq!(store.retired_data(), [early.world().key()]);
    let late = registry.sandbox("x", CreatedBy::Request).await.unwrap();
    assert_ne!(late.world().key(), early.world().key());
    assert!(
        purge_queue.0.try_recv().is_err(),
        "a request may still write there"
    );
    let key = early.world().key().to_owned();
    drop(early);
    assert_eq!(purge_queue.0.try_recv().unwrap(), key);
    store.purge_data(&key).await.unwrap();
    assert!(store.retired_data().is_empty());
    drop(late);
    assert!(
        purge_queue.0.try_recv().is_err(),
        "this is the current data"
    );
}
