//! Tests: after a refused commit, memory is what the file has. Another connection locks the file here for as long as a test
//! wants; `tests/it/disk.rs` fills a disk.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Database, Own, Rows, Seed, Store, StoreError, StoredKey};
use crate::model::user::{Buzz, User, UserRef};
use crate::seed::SeedFile;

/// A folder that is removed with this.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let name = format!("civitai-oauth-mock-{name}-{}", std::process::id());
        let folder = Self(std::env::temp_dir().join(name));
        // An earlier run with the same process id may have left one.
        let _ = std::fs::remove_dir_all(&folder.0);
        std::fs::create_dir_all(&folder.0).unwrap();
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn no_key() -> StoredKey {
    StoredKey {
        id: None,
        private_key: Vec::new(),
    }
}

pub(super) fn demo_seed() -> Seed {
    SeedFile::demo().planting().unwrap().seed
}

pub(super) struct World {
    pub(super) store: Store,
    pub(super) rows: Arc<Rows>,
    pub(super) database: Database,
    folder: Folder,
}

impl World {
    pub(super) async fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let database = Database::File(folder.0.join("mock.db"));
        let store = Store::open(&database).await.unwrap();
        let seed = demo_seed();
        let own = Own::default();
        let row = store
            .insert_sandbox("x", &seed, own, ("{}", &no_key()))
            .await;
        let rows = row.unwrap().world;
        Self {
            store,
            rows,
            database,
            folder,
        }
    }

    /// A store without a file, and the rows of one sandbox.
    pub(super) async fn in_memory() -> (Store, Arc<Rows>) {
        let store = Store::open(&Database::Memory).await.unwrap();
        let own = Own::default();
        let row = store
            .insert_sandbox("x", &Seed::default(), own, ("{}", &no_key()))
            .await;
        (store, row.unwrap().world)
    }

    /// Nobody else writes until it is given back.
    async fn lock(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.folder.0.join("mock.db"));
        let mut lock = options.connect().await.unwrap();
        sqlx::query("begin immediate")
            .execute(&mut lock)
            .await
            .unwrap();
        lock
    }

    fn ada(&self) -> User {
        self.rows.find_user(&UserRef::Id(1)).unwrap()
    }

    /// Ada gets this address, and so much yellow buzz where that is given.
    async fn patch(&self, email: &str, yellow: Option<u64>) -> Result<(), StoreError> {
        let ada = self.ada();
        let buzz = yellow.map(|yellow| Buzz { yellow, ..ada.buzz });
        let changed = |user: &User| {
            Ok::<_, StoreError>(User {
                email: Some(email.to_owned()),
                ..user.clone()
            })
        };
        self.store
            .change_user(&self.rows, ada.id, buzz, changed)
            .await
            .map(drop)
    }

    /// Comes back once the writer has what was written down before.
    async fn is_being_written(&self) {
        let log = &self.store.file.as_ref().unwrap().log;
        while !log.is_idle() {
            tokio::task::yield_now().await;
        }
    }

    /// As the next start finds it, which must be as memory has it.
    async fn reopened(self) -> User {
        let known = self.ada();
        self.store.close().await;
        let store = Store::open(&self.database).await.unwrap();
        let row = store.find_sandbox("x").await.unwrap().unwrap();
        let found = row.world.find_user(&UserRef::Id(1)).unwrap();
        assert_eq!(found, known);
        store.close().await;
        found
    }
}

#[tokio::test]
async fn a_change_queued_behind_a_refused_one_is_refused_with_it() {
    let world = World::new("later").await;
    let before = world.ada();
    let lock = world.lock().await;
    let first = world.patch("a@refused.example", Some(1));
    let second = async {
        world.is_being_written().await;
        world.patch("b@refused.example", Some(5)).await
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_err() && second.is_err(), "{first:?} {second:?}");
    assert_eq!(world.ada(), before, "while the file is locked still");
    lock.close().await.unwrap();
    world.patch("c@kept.example", Some(9)).await.unwrap();
    let ada = world.reopened().await;
    assert_eq!(
        (ada.email.as_deref(), ada.buzz.yellow),
        (Some("c@kept.example"), 9)
    );
}

#[tokio::test]
async fn of_several_refused_changes_none_is_left() {
    let world = World::new("several").await;
    let before = world.ada();
    let lock = world.lock().await;
    let refused = tokio::join!(
        world.patch("a@refused.example", None),
        world.patch("b@refused.example", Some(7)),
        world.patch("c@refused.example", None),
    );
    assert!(
        refused.0.is_err() && refused.1.is_err() && refused.2.is_err(),
        "{refused:?}"
    );
    assert_eq!(world.ada(), before);
    lock.close().await.unwrap();
    world.store.ready().await.unwrap();
    assert_eq!(world.reopened().await, before);
}

#[tokio::test]
async fn a_refusal_that_rests_on_a_refused_change_is_no_answer() {
    let world = World::new("rests").await;
    let insert = || {
        let user = User {
            id: crate::protocol::ids::UserId(77),
            username: Some("once".to_owned()),
            ..world.ada()
        };
        world.store.insert_user(&world.rows, user, true, 100)
    };
    let lock = world.lock().await;
    let second = async {
        world.is_being_written().await;
        insert().await
    };
    let (first, second) = tokio::join!(insert(), second);
    assert!(first.is_err(), "{first:?}");
    assert!(second.is_err(), "the id is not taken: {second:?}");
    lock.close().await.unwrap();
    assert!(insert().await.unwrap().is_some());
    assert!(insert().await.unwrap().is_none());
    world.reopened().await;
}

#[tokio::test]
async fn a_refused_change_of_the_catalogue_leaves_it_as_it_was() {
    let world = World::new("catalogue").await;
    let (store, rows) = (&world.store, &world.rows);
    let state = || ("{}".to_owned(), crate::protocol::time::Timestamp(1));
    store.take_snapshot("x", rows, "old", state).await.unwrap();
    let seed = demo_seed();
    let lock = world.lock().await;
    let key = no_key();
    let refused = tokio::join!(
        store.insert_sandbox("y", &seed, Own::default(), ("{}", &key)),
        store.take_snapshot("x", rows, "new", state),
        store.delete_snapshot("x", "old"),
        store.begin_anew("x", rows, super::Origin::Seed(&seed), "{}"),
        store.delete_sandbox("x"),
        store.keep_clock("x", rows, "\"later\""),
    );
    assert!(refused.0.is_err() && refused.1.is_err() && refused.2.is_err());
    assert!(refused.3.is_err() && refused.4.is_err() && refused.5.is_err());
    let shown = || {
        let names = store.list_snapshots("x");
        let names: Vec<String> = names.into_iter().map(|(name, _)| name).collect();
        (store.list_sandboxes(), names, store.retired_worlds())
    };
    let unchanged = (vec!["x".to_owned()], vec!["old".to_owned()], Vec::new());
    assert_eq!(shown(), unchanged);
    lock.close().await.unwrap();
    let row = store.find_sandbox("x").await.unwrap().unwrap();
    assert_eq!((row.world.key(), &*row.clock), (rows.key(), "{}"));
    let new = store.begin_anew("x", rows, super::Origin::Seed(&seed), "{}");
    let new = new.await.unwrap().unwrap();
    assert_ne!(new.key(), rows.key());
    assert_eq!(store.retired_worlds(), [rows.key()]);
}

#[tokio::test]
async fn a_change_that_is_refused_alone_leaves_nothing() {
    let world = World::new("alone").await;
    let before = world.ada();
    let lock = world.lock().await;
    assert!(world.patch("a@refused.example", Some(7)).await.is_err());
    lock.close().await.unwrap();
    assert_eq!(world.ada(), before);
    world.store.ready().await.unwrap();
    assert_eq!(world.reopened().await, before);
}
