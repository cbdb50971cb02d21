//! A store with one sandbox in a temporary file, for tests.

use std::path::PathBuf;
use std::sync::Arc;

use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

use crate::model::user::{Buzz, User, UserRef};
use crate::protocol::ids::UserId;
use crate::store::{Database, NewSandboxRow, SandboxData, Seed, Store, StoreError, StoredKey};

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

pub(super) fn no_key() -> StoredKey {
    StoredKey {
        id: None,
        private_key: Vec::new(),
    }
}

pub(super) fn new_sandbox<'a>(
    name: &'a str,
    seed: &'a Seed,
    key: &'a StoredKey,
) -> NewSandboxRow<'a> {
    NewSandboxRow {
        name,
        server_seed: seed,
        own_seed: None,
        settings: None,
        is_explicit: false,
        clock: "{}",
        signing_key: key,
    }
}

/// One user with an account, whose id is 1.
pub(super) fn seed() -> Seed {
    let ada = User {
        buzz: Buzz {
            yellow: 10_000,
            blue: 2500,
            green: 500,
        },
        ..User::named(UserId(1), "ada")
    };
    Seed {
        users: vec![ada],
        clients: Vec::new(),
    }
}

pub(super) struct TestStore {
    pub(super) store: Store,
    pub(super) data: Arc<SandboxData>,
    pub(super) database: Database,
    folder: Folder,
}

impl TestStore {
    pub(super) async fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let database = Database::File(folder.0.join("mock.db"));
        let store = Store::open(&database).await.unwrap();
        let (seed, key) = (seed(), no_key());
        let row = store.insert_sandbox(new_sandbox("x", &seed, &key));
        let data = row.await.unwrap().data;
        Self {
            store,
            data,
            database,
            folder,
        }
    }

    /// A store without a file, and the data of one sandbox.
    pub(super) async fn in_memory() -> (Store, Arc<SandboxData>) {
        let store = Store::open(&Database::Memory).await.unwrap();
        let row = store
            .insert_sandbox(new_sandbox("x", &Seed::default(), &no_key()))
            .await;
        (store, row.unwrap().data)
    }

    /// Locks the file for writing until the connection is closed.
    pub(super) async fn lock(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.folder.0.join("mock.db"));
        let mut lock = options.connect().await.unwrap();
        sqlx::query("begin immediate")
            .execute(&mut lock)
            .await
            .unwrap();
        lock
    }

    pub(super) fn ada(&self) -> User {
        self.data.find_user(&UserRef::Id(1)).unwrap()
    }

    /// Sets ada's email address, and her yellow buzz if it is given.
    pub(super) async fn patch(&self, email: &str, yellow: Option<u64>) -> Result<(), StoreError> {
        let ada = self.ada();
        let buzz = yellow.map(|yellow| Buzz { yellow, ..ada.buzz });
        let changed = |user: &User| {
            let user = User {
                email: Some(email.to_owned()),
                ..user.clone()
            };
            Ok::<_, StoreError>((user, buzz))
        };
        let changed = self.data.change_user(ada.id, changed);
        changed.await.map(drop)
    }

    /// Waits until the writer has taken everything that is queued.
    pub(super) async fn is_being_written(&self) {
        let queue = &self.store.file.as_ref().unwrap().queue;
        while !queue.is_idle() {
            tokio::task::yield_now().await;
        }
    }

    /// The keys whose rows are to be removed, since the last call.
    pub(super) async fn removals(&self) -> Vec<String> {
        let file = self.store.file.as_ref().unwrap();
        let mut queue = file.removal_queue.lock().await;
        let mut keys = Vec::new();
        while let Ok(key) = queue.try_recv() {
            keys.push(key.to_string());
        }
        keys
    }

    /// Ada as the next start reads her from the file, which must equal memory.
    pub(super) async fn reopened(self) -> User {
        let known = self.ada();
        self.store.close().await;
        let store = Store::open(&self.database).await.unwrap();
        let row = store.find_sandbox("x").await.unwrap().unwrap();
        let found = row.data.find_user(&UserRef::Id(1)).unwrap();
        assert_eq!(found, known);
        store.close().await;
        found
    }
}
