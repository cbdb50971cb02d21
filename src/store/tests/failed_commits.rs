//! Tests of failed commits: memory is reloaded from the file. Another connection locks the file here;
//! `tests/it/store/disk_full.rs` fills a disk.

use sqlx::Connection as _;

use super::support::{TestStore, new_sandbox, no_key, seed};
use crate::model::user::User;
use crate::store::DataSource;

#[tokio::test]
async fn change_queued_behind_a_failed_one_fails_with_it() {
    let test = TestStore::new("later").await;
    let before = test.ada();
    let lock = test.lock().await;
    let first = test.patch("a@refused.example", Some(1));
    let second = async {
        test.is_being_written().await;
        test.patch("b@refused.example", Some(5)).await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_err() && second.is_err(), "{first:?} {second:?}");
    assert_eq!(test.ada(), before, "while the file is locked still");
    lock.close().await.unwrap();
    test.patch("c@stored.example", Some(9)).await.unwrap();
    let ada = test.reopened().await;
    assert_eq!(
        (ada.email.as_deref(), ada.buzz.yellow),
        (Some("c@stored.example"), 9)
    );
}

#[tokio::test]
async fn no_failed_change_stays_in_memory() {
    let test = TestStore::new("several").await;
    let before = test.ada();
    let lock = test.lock().await;
    let refused = tokio::join!(
        test.patch("a@refused.example", None),
        test.patch("b@refused.example", Some(7)),
        test.patch("c@refused.example", None),
    );
    assert!(
        refused.0.is_err() && refused.1.is_err() && refused.2.is_err(),
        "{refused:?}"
    );
    assert_eq!(test.ada(), before);
    lock.close().await.unwrap();
    test.store.ready().await.unwrap();
    assert_eq!(test.reopened().await, before);
}

#[tokio::test]
async fn rejection_based_on_a_failed_change_is_an_error() {
    let test = TestStore::new("rests").await;
    let insert = || {
        let user = User {
            id: crate::protocol::ids::UserId(77),
            username: Some("once".to_owned()),
            ..test.ada()
        };
        test.data.insert_user(user, true, 100)
    };
    let lock = test.lock().await;
    let second = async {
        test.is_being_written().await;
        insert().await
    };
    let (first, second) = tokio::join!(insert(), second);
    assert!(first.is_err(), "{first:?}");
    assert!(second.is_err(), "the id is not taken: {second:?}");
    lock.close().await.unwrap();
    assert!(insert().await.unwrap().is_some());
    assert!(insert().await.unwrap().is_none());
    test.reopened().await;
}

#[tokio::test]
async fn failed_change_of_the_catalogue_has_no_effect() {
    let test = TestStore::new("index").await;
    let (store, data) = (&test.store, &test.data);
    let state = || ("{}".to_owned(), crate::protocol::time::Timestamp(1));
    store.take_snapshot("x", data, "old", state).await.unwrap();
    let seed = seed();
    let lock = test.lock().await;
    let key = no_key();
    let refused = tokio::join!(
        store.insert_sandbox(new_sandbox("y", &seed, &key)),
        store.take_snapshot("x", data, "new", state),
        store.delete_snapshot("x", "old"),
        store.replace_data("x", data, DataSource::Seed(&seed), "{}"),
        store.delete_sandbox("x"),
        store.store_clock("x", data, "\"later\""),
    );
    assert!(refused.0.is_err() && refused.1.is_err() && refused.2.is_err());
    assert!(refused.3.is_err() && refused.4.is_err() && refused.5.is_err());
    let shown = || {
        let names = store.list_snapshots("x");
        let names: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
        (store.list_sandboxes(), names)
    };
    let unchanged = (vec!["x".to_owned()], vec!["old".to_owned()]);
    assert_eq!(shown(), unchanged);
    lock.close().await.unwrap();
    let row = store.find_sandbox("x").await.unwrap().unwrap();
    assert_eq!((row.data.key(), &*row.clock), (data.key(), "{}"));
    let new = store.replace_data("x", data, DataSource::Seed(&seed), "{}");
    let new = new.await.unwrap().unwrap();
    assert_ne!(new.key(), data.key());
}

#[tokio::test]
async fn single_failed_change_has_no_effect() {
    let test = TestStore::new("alone").await;
    let before = test.ada();
    let lock = test.lock().await;
    assert!(test.patch("a@refused.example", Some(7)).await.is_err());
    lock.close().await.unwrap();
    assert_eq!(test.ada(), before);
    test.store.ready().await.unwrap();
    assert_eq!(test.reopened().await, before);
}
