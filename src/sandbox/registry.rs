//! Which sandboxes are there? Each is made by the first request that names it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use super::{Blueprint, Sandbox};
use crate::store::{Store, StoreError};

/// The sandbox without a prefix in its path.
pub(crate) const DEFAULT: &str = "default";

const LONGEST_NAME: usize = 64;

/// The sandboxes of one server.
#[derive(Debug)]
pub(crate) struct Registry {
    store: Store,
    blueprint: Arc<Blueprint>,
    open: Mutex<HashMap<String, Arc<OnceCell<Arc<Sandbox>>>>>,
}

/// Whether a path may name a sandbox so: letters, digits, `-`, `_` and `.`, 64 at the most.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Registry {
    pub(crate) fn new(store: Store, blueprint: Blueprint) -> Self {
        Self {
            store,
            blueprint: Arc::new(blueprint),
            open: Mutex::default(),
        }
    }

    /// The sandbox of this name; two first requests at once make one sandbox.
    pub(crate) async fn sandbox(&self, name: &str) -> Result<Arc<Sandbox>, StoreError> {
        let cell = {
            let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            match open.get(name) {
                Some(cell) => Arc::clone(cell),
                None => Arc::clone(open.entry(name.to_owned()).or_default()),
            }
        };
        let made = cell.get_or_try_init(|| async {
            let opened =
                Sandbox::open(name, self.store.clone(), Arc::clone(&self.blueprint)).await?;
            Ok::<_, StoreError>(Arc::new(opened))
        });
        made.await.map(Arc::clone)
    }

    /// Closes the database.
    pub(crate) async fn close(&self) {
        self.store.close().await;
    }
}
