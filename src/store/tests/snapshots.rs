//! Tests of the bound on the bytes of snapshots.

use super::purges::insert;
use super::support::TestStore;
use crate::protocol::time::Timestamp;
use crate::store::Store;

/// The names and the bytes of all snapshots.
fn snapshots(store: &Store) -> Vec<(String, usize)> {
    let index = store.sandbox_index();
    let all = index
        .sandboxes
        .values()
        .flat_map(|record| &record.snapshots);
    all.map(|(name, snapshot)| (name.clone(), snapshot.bytes))
        .collect()
}

#[tokio::test]
async fn parallel_snapshots_stay_within_the_bound_of_bytes_also_after_a_restart() {
    let test = TestStore::new("snapshot-bytes").await;
    let (store, data) = (&test.store, &test.data);
    let state = || ("x".repeat(300 * 1024), Timestamp(1));
    let take = async |name| store.take_snapshot("x", data, name, state).await;
    let taken = tokio::join!(take("a"), take("b"), take("c"), take("d"), take("e"));
    let refused = [&taken.0, &taken.1, &taken.2, &taken.3, &taken.4];
    let refused: Vec<String> = refused
        .into_iter()
        .filter_map(|taken| Some(taken.as_ref().err()?.to_string()))
        .collect();
    let full = "the limit of 1048576 bytes in the snapshots of all sandboxes is reached";
    assert_eq!(refused, [full, full]);
    assert_eq!(snapshots(store).len(), 3);
    store.close().await;
    let store = Store::open(&test.database).await.unwrap();
    let row = store.find_sandbox("x").await.unwrap().unwrap();
    let more = store.take_snapshot("x", &row.data, "d", state).await;
    assert_eq!(more.unwrap_err().to_string(), full);
    // In place of another.
    let again = store.take_snapshot("x", &row.data, "a", state).await;
    again.unwrap();
    store.close().await;
}

#[tokio::test]
async fn a_snapshot_has_as_many_bytes_after_a_restart() {
    let test = TestStore::new("snapshot-size").await;
    let (store, data) = (&test.store, &test.data);
    for (kind, number) in ["codes", "tokens", "device codes", "sessions", "consents"]
        .into_iter()
        .zip(1..)
    {
        insert(data, kind, 10 * number, Timestamp(0)).await.unwrap();
    }
    let state = || ("{}".to_owned(), Timestamp(1));
    store.take_snapshot("x", data, "s", state).await.unwrap();
    let taken = snapshots(store);
    store.close().await;
    let store = Store::open(&test.database).await.unwrap();
    assert_eq!(snapshots(&store), taken);
    assert!(taken[0].1 > 1000, "{taken:?}");
    store.close().await;
}
