//! Which sandboxes are there? Each is made by the first request that names it, or by a control call; those that
//! nobody has used for a while go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;

use super::clock::Clock;
use super::settings::SettingsPatch;
use super::{Blueprint, Sandbox};
use crate::protocol::time::Timestamp;
use crate::store::{Seed, Store, StoreError};

/// The sandbox without a prefix in its path.
pub(crate) const DEFAULT: &str = "default";

const LONGEST_NAME: usize = 64;

/// The sandboxes of one server.
#[derive(Debug)]
pub(crate) struct Registry {
    store: Store,
    blueprint: Arc<Blueprint>,
    open: Mutex<HashMap<String, Open>>,
    /// The system's own time: idleness is not the sandbox's.
    clock: Clock,
}

#[derive(Debug)]
struct Open {
    cell: Arc<OnceCell<Arc<Sandbox>>>,
    used: Timestamp,
}

/// Whether a path may name a sandbox so: letters, digits, `-`, `_` and `.`, one letter or digit
/// at the least and 64 of all at the most.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=LONGEST_NAME).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        // Browsers take `.` and `..` out of a path.
        && name.bytes().any(|byte| byte.is_ascii_alphanumeric())
}

impl Registry {
    pub(crate) fn new(store: Store, blueprint: Blueprint) -> Self {
        Self {
            store,
            blueprint: Arc::new(blueprint),
            open: Mutex::default(),
            clock: Clock::default(),
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    fn open(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The sandbox of this name; two first requests at once make one sandbox.
    pub(crate) async fn sandbox(&self, name: &str) -> Result<Arc<Sandbox>, StoreError> {
        let cell = self.enter(name);
        let made = cell.get_or_try_init(|| self.make(name, Arc::clone(&self.blueprint)));
        made.await.map(Arc::clone)
    }

    fn enter(&self, name: &str) -> Arc<OnceCell<Arc<Sandbox>>> {
        let now = self.clock.now();
        let mut open = self.open();
        if let Some(known) = open.get_mut(name) {
            known.used = now;
            return Arc::clone(&known.cell);
        }
        let cell = Arc::default();
        open.insert(
            name.to_owned(),
            Open {
                cell: Arc::clone(&cell),
                used: now,
            },
        );
        cell
    }

    async fn make(
        &self,
        name: &str,
        blueprint: Arc<Blueprint>,
    ) -> Result<Arc<Sandbox>, StoreError> {
        Sandbox::open(name, self.store.clone(), blueprint)
            .await
            .map(Arc::new)
    }

    /// What a sandbox starts from that has a seed or settings of its own.
    pub(crate) fn blueprint_with(&self, seed: Option<Seed>, settings: SettingsPatch) -> Blueprint {
        let mut blueprint = (*self.blueprint).clone();
        blueprint.settings = blueprint.settings.patched(settings);
        blueprint.seed = seed.unwrap_or(blueprint.seed);
        blueprint
    }

    /// Makes a sandbox from this blueprint; nothing where there is one of the name.
    pub(crate) async fn open_with(
        &self,
        name: &str,
        blueprint: Blueprint,
    ) -> Result<Option<Arc<Sandbox>>, StoreError> {
        if self.store.find_world(name).await?.is_some() {
            return Ok(None);
        }
        let mut mine = false;
        let cell = self.enter(name);
        let made = cell.get_or_try_init(|| {
            mine = true;
            self.make(name, Arc::new(blueprint))
        });
        let made = made.await.map(Arc::clone)?;
        Ok(mine.then_some(made))
    }

    /// How long nobody has used a sandbox; nothing where it is not open.
    pub(crate) fn idle(&self, name: &str) -> Option<Duration> {
        let now = self.clock.now();
        let used = self.open().get(name)?.used;
        Some(Duration::from_millis(
            u64::try_from(now.0 - used.0).unwrap_or_default(),
        ))
    }

    /// Removes a sandbox and all that is in it. Whether there was one.
    pub(crate) async fn close_sandbox(&self, name: &str) -> Result<bool, StoreError> {
        let known = self.store.find_world(name).await?.is_some();
        self.open().remove(name);
        self.store.uproot(name).await?;
        Ok(known)
    }

    /// Removes the sandboxes that nobody has used for so long. The default one stays.
    pub(crate) async fn sweep(&self, idle: Duration) -> Result<(), StoreError> {
        let now = self.clock.now();
        let is_idle = |open: &Open| {
            u128::try_from(now.0 - open.used.0).unwrap_or_default() > idle.as_millis()
        };
        let names: Vec<String> = {
            let open = self.open();
            let idle = open
                .iter()
                .filter(|(name, open)| *name != DEFAULT && is_idle(open));
            idle.map(|(name, _)| name.clone()).collect()
        };
        for name in names {
            tracing::info!(
                sandbox = name,
                "nobody has used this sandbox for a while: it goes"
            );
            self.close_sandbox(&name).await?;
        }
        Ok(())
    }

    /// Closes the database.
    pub(crate) async fn close(&self) {
        self.store.close().await;
    }
}
