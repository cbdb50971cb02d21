//! What is left of changes that the file refuses while others wait? Somebody else has a lock on it here, for as long as a test
//! wants; what fits into no time at all, `tests/it/disk.rs` tries out.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{Database, Own, Rows, Store, StoreError, StoredKey};
use crate::model::user::{Buzz, User, UserRef};
use crate::seed::SeedFile;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) struct World {
    pub(super) store: Store,
    pub(super) rows: Arc<Rows>,
    pub(super) database: Database,
    folder: Folder,
}

impl World {
    pub(super) async fn new(name: &str) -> Self {
        let folder = format!("civitai-oauth-mock-{name}-{}", std::process::id());
        let folder = Folder(std::env::temp_dir().join(folder));
        // What an earlier run of the same id has left is not this one's.
        let _ = std::fs::remove_dir_all(&folder.0);
        std::fs::create_dir_all(&folder.0).unwrap();
        let database = Database::File(folder.0.join("mock.db"));
        let store = Store::open(&database).await.unwrap();
        let seed = SeedFile::demo().planting().unwrap().seed;
        let own = Own::default();
        let key = StoredKey {
            id: None,
            private_key: Vec::new(),
        };
        let row = store.insert_sandbox("x", &seed, own, ("{}", &key)).await;
        let rows = row.unwrap().world;
        Self {
            store,
            rows,
            database,
            folder,
        }
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
async fn what_is_taken_back_leaves_later_changes_that_were_kept() {
    let world = World::new("later").await;
    let lock = world.lock().await;
    let first = world.patch("a@refused.example", Some(1));
    let second = async {
        world.is_being_written().await;
        world.patch("b@kept.example", Some(5)).await
    };
    let first = async {
        let refused = first.await;
        lock.close().await.unwrap();
        refused
    };
    let (first, second) = tokio::join!(first, second);
    assert!(first.is_err() && second.is_ok(), "{first:?} {second:?}");
    let ada = world.reopened().await;
    assert_eq!(
        (ada.email.as_deref(), ada.buzz.yellow),
        (Some("b@kept.example"), 5)
    );
}

#[tokio::test]
async fn of_several_that_are_refused_memory_and_file_have_the_same() {
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
    lock.close().await.unwrap();
    world.store.ready().await.unwrap();
    let ada = world.reopened().await;
    assert_ne!(
        ada.email.as_deref(),
        Some("c@refused.example"),
        "the last is taken back"
    );
    assert!(
        [7, before.buzz.yellow].contains(&ada.buzz.yellow),
        "no money comes of it"
    );
}

#[tokio::test]
async fn one_that_is_refused_alone_leaves_nothing() {
    let world = World::new("alone").await;
    let before = world.ada();
    let lock = world.lock().await;
    assert!(world.patch("a@refused.example", Some(7)).await.is_err());
    lock.close().await.unwrap();
    assert_eq!(world.ada(), before);
    world.store.ready().await.unwrap();
    assert_eq!(world.reopened().await, before);
}
