//! Tests of the removal of rows that no request can reach any more.

use super::support::{TestStore, seed};
use crate::protocol::time::Timestamp;
use crate::store::DataSource;

#[tokio::test]
async fn rows_of_before_a_reset_are_removed_once_their_last_handle_is_dropped() {
    let mut test = TestStore::new("removal-reset").await;
    let seed = seed();
    let replaced = test
        .store
        .replace_data("x", &test.data, DataSource::Seed(&seed), "{}");
    let new = replaced.await.unwrap().unwrap();
    let old_key = test.data.key().to_owned();
    assert_ne!(new.key(), old_key);
    assert_eq!(test.removals().await, [""; 0], "a request may write there");
    test.data = new;
    assert_eq!(test.removals().await, [old_key.as_str()]);
    let file = test.store.file.as_ref().unwrap();
    file.remove_rows(&old_key).await.unwrap();
    test.reopened().await;
}

#[tokio::test]
async fn all_rows_of_a_deleted_sandbox_are_removed() {
    let mut test = TestStore::new("removal-deletion").await;
    let state = || ("{}".to_owned(), Timestamp(1));
    let (store, data) = (&test.store, &test.data);
    store.take_snapshot("x", data, "s", state).await.unwrap();
    store.take_snapshot("x", data, "s", state).await.unwrap();
    let replaced_snapshot = test.removals().await;
    assert_eq!(replaced_snapshot.len(), 1);
    assert!(test.store.delete_sandbox("x").await.unwrap());
    assert_eq!(test.removals().await.len(), 1, "the other snapshot");
    let key = test.data.key().to_owned();
    test.data = TestStore::in_memory().await.1;
    assert_eq!(test.removals().await, [key]);
}
