//! The sandboxes of a server. The first request that an endpoint takes creates one, or a control call does; idle ones are
//! removed. One sandbox at a time is opened or closed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::clock::ClockState;
use super::entropy::Entropy;
use super::handle::{CoreParts, Sandbox, SandboxCore, run_uncancelled};
use super::journal::JournalMemory;
use super::keys::IdTokenKey;
use super::name::DEFAULT;
use super::settings::SettingsPatch;
use super::slots::{Slot, Slots};
use super::template::{CreatedBy, SandboxTemplate, TemplateOverrides};
use crate::store::{NewSandboxRow, Seed, Store, StoreError};

/// The sandboxes of one server.
#[derive(Debug)]
pub(crate) struct Registry {
    store: Store,
    template: Arc<SandboxTemplate>,
    slots: Slots,
    max_sandboxes: usize,
    /// Held while a sandbox is opened or closed, so that two requests do not open one twice.
    turn: Mutex<()>,
    /// Cancelled when the server stops.
    stop: CancellationToken,
}

impl Registry {
    /// The sandboxes of this database. Those of an earlier run are opened on first use.
    pub(crate) fn open(
        store: Store,
        template: SandboxTemplate,
        max_sandboxes: usize,
        stop: CancellationToken,
    ) -> Self {
        let known = store.list_sandboxes().into_iter().map(|name| {
            let created_by = if store.is_explicit(&name) {
                CreatedBy::Explicit
            } else {
                CreatedBy::Request
            };
            (name, created_by)
        });
        Self {
            slots: Slots::new(known),
            max_sandboxes,
            turn: Mutex::default(),
            store,
            template: Arc::new(template),
            stop,
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The memory that the journals of all sandboxes share.
    pub(crate) fn journal_memory(&self) -> &JournalMemory {
        &self.template.journal_limits.memory
    }

    /// The sandbox of this name, which is created if it does not exist; two first requests at once create one sandbox.
    /// Errors: the database refuses, or there are as many sandboxes as there may be.
    pub(crate) async fn get_or_create(
        self: &Arc<Self>,
        name: &str,
        created_by: CreatedBy,
    ) -> Result<Sandbox, StoreError> {
        self.store.wait_for_reload().await?;
        if let Some(open) = self.slots.touch(name, created_by) {
            return Ok(Sandbox::new(&open));
        }
        let name = name.to_owned();
        self.in_turn(async move |registry| {
            if let Some(open) = registry.slots.touch(&name, created_by) {
                return Ok(Sandbox::new(&open));
            }
            let overrides = TemplateOverrides::new(created_by);
            registry.open_in_slot(&name, overrides).await
        })
        .await
    }

    /// The sandbox of this name, if it exists. Creates none.
    pub(crate) async fn find(self: &Arc<Self>, name: &str) -> Result<Option<Sandbox>, StoreError> {
        self.store.wait_for_reload().await?;
        if let Some(open) = self.slots.touch(name, CreatedBy::Request) {
            return Ok(Some(Sandbox::new(&open)));
        }
        if !self.slots.lock().contains_key(name) {
            return Ok(None);
        }
        let name = name.to_owned();
        self.in_turn(async move |registry| {
            if let Some(open) = registry.slots.touch(&name, CreatedBy::Request) {
                return Ok(Some(Sandbox::new(&open)));
            }
            if !registry.store.has_sandbox(&name) {
                return Ok(None);
            }
            // It is in the database: the overrides of a new sandbox are not read.
            let overrides = TemplateOverrides::new(CreatedBy::Explicit);
            registry.open_in_slot(&name, overrides).await.map(Some)
        })
        .await
    }

    /// Opens or closes sandboxes when no other call does, to completion even if the client disconnects.
    async fn in_turn<T, F>(self: &Arc<Self>, act: impl FnOnce(Arc<Self>) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let registry = Arc::clone(self);
        run_uncancelled(async move {
            let _turn = registry.turn.lock().await;
            act(Arc::clone(&registry)).await
        })
        .await
    }

    /// Marks a sandbox as created explicitly, so that it is not evicted.
    pub(crate) async fn mark_explicit(&self, name: &str) -> Result<(), StoreError> {
        self.slots.touch(name, CreatedBy::Explicit);
        // The slot may be marked although the file rejected the change.
        if self.store.is_request_created(name) {
            self.store.mark_explicit(name).await?;
        }
        Ok(())
    }

    /// Opens a sandbox that is not open. Errors: there are as many as there may be, and all are in use.
    async fn open_in_slot(
        &self,
        name: &str,
        overrides: TemplateOverrides,
    ) -> Result<Sandbox, StoreError> {
        let created_by = overrides.created_by;
        self.make_room(name, created_by).await?;
        let opened = Arc::new(self.open_sandbox(name, overrides).await?);
        let mut slots = self.slots.lock();
        let slot = slots.entry(name.to_owned());
        slot.or_insert_with(|| Slot::new(created_by)).open = Some(Arc::clone(&opened));
        Ok(Sandbox::new(&opened))
    }

    /// Removes the request-created sandbox that has been idle longest, if there is no room for this one.
    async fn make_room(&self, name: &str, created_by: CreatedBy) -> Result<(), StoreError> {
        let most = self.max_sandboxes;
        let has_room = || {
            let slots = self.slots.lock();
            name == DEFAULT || slots.contains_key(name) || slots.len() < most
        };
        let least_idle = created_by.least_idle();
        while !has_room() {
            let idle = self.slots.longest_idle(least_idle);
            let idle = idle.ok_or(StoreError::TooManySandboxes { most })?;
            tracing::info!(sandbox = idle, "removed to make room for another sandbox");
            // If it has been used meanwhile, another is looked for.
            self.close_if(&idle, |slot| slot.evictable(least_idle).is_some())
                .await?;
        }
        Ok(())
    }

    /// Opens a sandbox from the database, or creates it.
    async fn open_sandbox(
        &self,
        name: &str,
        overrides: TemplateOverrides,
    ) -> Result<SandboxCore, StoreError> {
        let entropy = Entropy::new(self.template.entropy_seed, name, self.store.run());
        let known = self.store.find_sandbox(name).await?;
        let stored = known.as_ref().and_then(|known| known.signing_key.as_ref());
        let key = self
            .template
            .key
            .clone()
            .or_else(|| stored.and_then(IdTokenKey::from_stored))
            .unwrap_or_else(|| IdTokenKey::generate(&entropy));
        let (row, clock) = if let Some(row) = known {
            let seed = match row.seed_data {
                None => &self.template.seed,
                Some(_) => &Seed::default(),
            };
            self.store
                .refresh_sandbox(name, seed, &row.data, &key.to_stored())
                .await?;
            let clock = ClockState::from_text(&row.clock)?;
            (row, clock)
        } else {
            let settings = overrides.settings.to_text();
            let clock = ClockState::default();
            let new = NewSandboxRow {
                name,
                server_seed: &self.template.seed,
                own_seed: overrides.seed.as_ref(),
                settings: settings.as_deref(),
                is_explicit: overrides.created_by == CreatedBy::Explicit,
                clock: &clock.to_text(),
                signing_key: &key.to_stored(),
            };
            let row = self.store.insert_sandbox(new).await?;
            (row, clock)
        };
        let template = match &row.settings {
            None => Arc::clone(&self.template),
            Some(text) => Arc::new(self.template_with(SettingsPatch::from_text(text)?)),
        };
        Ok(SandboxCore::new(CoreParts {
            name: name.to_owned(),
            store: self.store.clone(),
            template,
            row,
            clock,
            entropy,
            key,
            closed: self.stop.child_token(),
        }))
    }

    fn template_with(&self, settings: SettingsPatch) -> SandboxTemplate {
        let mut template = (*self.template).clone();
        template.settings = template.settings.patched(settings);
        template
    }

    /// The template of sandboxes that have no overrides.
    pub(crate) fn template(&self) -> &SandboxTemplate {
        &self.template
    }

    /// Creates a sandbox. `None`: it exists already.
    pub(crate) async fn create(
        self: &Arc<Self>,
        name: &str,
        overrides: TemplateOverrides,
    ) -> Result<Option<Sandbox>, StoreError> {
        let name = name.to_owned();
        self.in_turn(async move |registry| {
            let is_open = registry.slots.touch(&name, overrides.created_by).is_some();
            if is_open || registry.store.has_sandbox(&name) {
                return Ok(None);
            }
            registry.open_in_slot(&name, overrides).await.map(Some)
        })
        .await
    }

    /// How long a sandbox has been idle. `None`: it does not exist.
    pub(crate) fn idle(&self, name: &str) -> Option<Duration> {
        self.slots.lock().get(name).map(Slot::idle)
    }

    /// Removes a sandbox with all its data and returns whether it existed.
    pub(crate) async fn close_sandbox(self: &Arc<Self>, name: &str) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.in_turn(async move |registry| registry.close_if(&name, |_| true).await)
            .await
    }

    /// Called in turn.
    async fn close_if(
        &self,
        name: &str,
        may_close: impl FnOnce(&Slot) -> bool,
    ) -> Result<bool, StoreError> {
        let core = match self.slots.lock().get_mut(name) {
            // Requests from now on wait for their turn, and then create a new sandbox.
            Some(slot) if may_close(slot) => slot.open.take(),
            _ => return Ok(false),
        };
        // No reset or snapshot may replace its data before it is deleted.
        let lock = match &core {
            Some(core) => Some(core.lifecycle_lock.lock().await),
            None => None,
        };
        let deleted = self.store.delete_sandbox(name).await;
        drop(lock);
        let mut slots = self.slots.lock();
        match (&deleted, core) {
            (Ok(_), core) => {
                slots.remove(name);
                if let Some(core) = core {
                    core.close();
                }
            }
            (Err(_), core) => {
                if let Some(slot) = slots.get_mut(name) {
                    slot.open = core;
                }
            }
        }
        deleted
    }

    /// Removes the sandboxes that have been idle for longer. The default one stays.
    pub(crate) async fn evict_idle(&self, idle: Duration) -> Result<(), StoreError> {
        let names: Vec<String> = {
            let slots = self.slots.lock();
            let idle = slots
                .iter()
                .filter(|(name, slot)| *name != DEFAULT && slot.idle() > idle);
            idle.map(|(name, _)| name.clone()).collect()
        };
        for name in names {
            let _turn = self.turn.lock().await;
            if self.close_if(&name, |slot| slot.idle() > idle).await? {
                tracing::info!(sandbox = name, "removed an idle sandbox");
            }
        }
        Ok(())
    }

    /// Closes the database.
    pub(crate) async fn close(&self) {
        self.store.close().await;
    }
}
