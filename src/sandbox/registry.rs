//! The sandboxes of a server. The first request that an endpoint takes creates one, or a control call does; idle ones are
//! removed. Opening and closing a sandbox of one name take turns.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedRwLockWriteGuard;
use tokio_util::sync::CancellationToken;

use super::clock::ClockState;
use super::entropy::Entropy;
use super::handle::{CoreParts, Sandbox, SandboxCore, run_uncancelled};
use super::journal::JournalMemory;
use super::keys::IdTokenKey;
use super::name::DEFAULT;
use super::settings::SettingsPatch;
use super::slots::{Slot, SlotContents, Slots};
use super::template::{CreatedBy, SandboxTemplate, TemplateOverrides};
use crate::store::{NewSandboxRow, Seed, Store, StoreError};

/// The sandboxes of one server.
#[derive(Debug)]
pub(crate) struct Registry {
    store: Store,
    template: Arc<SandboxTemplate>,
    slots: Slots,
    /// Cancelled when the server stops.
    stopping: CancellationToken,
}

impl Registry {
    /// The sandboxes of this database. Those of an earlier run are opened on first use.
    pub(crate) fn open(store: Store, template: SandboxTemplate, max_sandboxes: usize) -> Self {
        let known = store.list_sandboxes().into_iter().map(|name| {
            let created_by = if store.is_explicit(&name) {
                CreatedBy::Explicit
            } else {
                CreatedBy::Request
            };
            (name, created_by)
        });
        Self {
            slots: Slots::new(known, max_sandboxes),
            store,
            template: Arc::new(template),
            stopping: CancellationToken::new(),
        }
    }

    /// Ends the waiting of requests for events, as the server stops.
    pub(crate) fn stop_waiting(&self) {
        self.stopping.cancel();
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
        let slot = self.slot_or_evict(name, created_by).await?;
        // Without waiting: a client that disconnects must not leave a slot without a sandbox.
        if let Ok(contents) = slot.try_read()
            && let Some(open) = contents.as_ref()
        {
            return Ok(Sandbox::new(open));
        }
        let (registry, name) = (Arc::clone(self), name.to_owned());
        run_uncancelled(async move {
            let contents = Arc::clone(&slot).write_owned().await;
            if let Some(open) = contents.as_ref() {
                return Ok(Sandbox::new(open));
            }
            let own = TemplateOverrides::new(created_by);
            registry.open_in_slot(&name, slot, contents, own).await
        })
        .await
    }

    /// The sandbox of this name, if it exists. Creates none.
    pub(crate) async fn find(self: &Arc<Self>, name: &str) -> Result<Option<Sandbox>, StoreError> {
        self.store.wait_for_reload().await?;
        let Some(slot) = self.slots.find(name) else {
            return Ok(None);
        };
        if let Some(open) = slot.read().await.as_ref() {
            return Ok(Some(Sandbox::new(open)));
        }
        let contents = Arc::clone(&slot).write_owned().await;
        if let Some(open) = contents.as_ref() {
            return Ok(Some(Sandbox::new(open)));
        }
        if self.store.has_sandbox(name) {
            // It is in the database: the overrides of a new sandbox are not read.
            let own = TemplateOverrides::new(CreatedBy::Explicit);
            let (registry, name) = (Arc::clone(self), name.to_owned());
            let opened =
                run_uncancelled(
                    async move { registry.open_in_slot(&name, slot, contents, own).await },
                )
                .await;
            return opened.map(Some);
        }
        drop(contents);
        self.release_slot(name, &slot);
        Ok(None)
    }

    /// Marks a sandbox as created explicitly, so that it is not evicted.
    pub(crate) async fn mark_explicit(&self, name: &str) -> Result<(), StoreError> {
        self.slots.mark_explicit(name);
        // The slot may be marked although the file rejected the change.
        if self.store.is_request_created(name) {
            self.store.mark_explicit(name).await?;
        }
        Ok(())
    }

    /// Opens a sandbox in its slot, or releases the slot. To be run by [`run_uncancelled`].
    async fn open_in_slot(
        &self,
        name: &str,
        slot: SlotContents,
        mut contents: OwnedRwLockWriteGuard<Option<Arc<SandboxCore>>>,
        own: TemplateOverrides,
    ) -> Result<Sandbox, StoreError> {
        match self.open_sandbox(name, own).await {
            Ok(opened) => {
                let opened = contents.insert(Arc::new(opened));
                Ok(Sandbox::new(opened))
            }
            Err(error) => {
                drop(contents);
                self.release_slot(name, &slot);
                Err(error)
            }
        }
    }

    /// As [`Slots::take`], after removing an idle sandbox if there is no room.
    async fn slot_or_evict(
        self: &Arc<Self>,
        name: &str,
        created_by: CreatedBy,
    ) -> Result<SlotContents, StoreError> {
        loop {
            let full = match self.slots.take(name, created_by) {
                Err(error @ StoreError::TooManySandboxes { .. }) => error,
                found => return found,
            };
            if !self.evict_one(created_by.least_idle()).await? {
                return Err(full);
            }
        }
    }

    /// Removes the request-created sandbox that has been idle longest and returns whether there was one.
    async fn evict_one(self: &Arc<Self>, least_idle: Duration) -> Result<bool, StoreError> {
        let Some(name) = self.slots.longest_idle(least_idle) else {
            return Ok(false);
        };
        tracing::info!(sandbox = name, "removed to make room for another sandbox");
        let registry = Arc::clone(self);
        // If it has been used meanwhile, the caller looks for another.
        run_uncancelled(async move {
            let is_idle = |slot: &Slot, contents: Option<&Arc<SandboxCore>>| {
                slot.evictable(contents, least_idle).is_some()
            };
            registry.close_if(&name, is_idle).await
        })
        .await?;
        Ok(true)
    }

    /// Releases the slot of a sandbox that could not be opened, unless another request waits for it: it counts against the
    /// limit.
    fn release_slot(&self, name: &str, slot: &SlotContents) {
        let mut slots = self.slots.lock();
        // The registry's reference, and this one.
        if Arc::strong_count(slot) == 2 && name != DEFAULT && !self.store.has_sandbox(name) {
            slots.remove(name);
        }
    }

    /// Opens a sandbox from the database, or creates it.
    async fn open_sandbox(
        &self,
        name: &str,
        own: TemplateOverrides,
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
            let settings = own.settings.to_text();
            let clock = ClockState::default();
            let new = NewSandboxRow {
                name,
                server_seed: &self.template.seed,
                own_seed: own.seed.as_ref(),
                settings: settings.as_deref(),
                is_explicit: own.created_by == CreatedBy::Explicit,
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
            closed: self.stopping.child_token(),
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
        own: TemplateOverrides,
    ) -> Result<Option<Sandbox>, StoreError> {
        let slot = self.slot_or_evict(name, own.created_by).await?;
        let (registry, name) = (Arc::clone(self), name.to_owned());
        run_uncancelled(async move {
            let contents = Arc::clone(&slot).write_owned().await;
            if contents.is_some() || registry.store.has_sandbox(&name) {
                return Ok(None);
            }
            let opened = registry.open_in_slot(&name, slot, contents, own).await;
            opened.map(Some)
        })
        .await
    }

    /// How long a sandbox has been idle. `None`: it does not exist.
    pub(crate) fn idle(&self, name: &str) -> Option<Duration> {
        let slots = self.slots.lock();
        let slot = slots.get(name)?;
        Some(match slot.contents.try_read() {
            Ok(contents) => slot.idle(contents.as_ref()),
            // It is being opened or closed.
            Err(_) => Duration::ZERO,
        })
    }

    /// Removes a sandbox with all its data and returns whether it existed.
    pub(crate) async fn close_sandbox(self: &Arc<Self>, name: &str) -> Result<bool, StoreError> {
        let (registry, name) = (Arc::clone(self), name.to_owned());
        run_uncancelled(async move { registry.close_if(&name, |_, _| true).await }).await
    }

    async fn close_if(
        &self,
        name: &str,
        may_close: impl Fn(&Slot, Option<&Arc<SandboxCore>>) -> bool,
    ) -> Result<bool, StoreError> {
        let Some(slot) = self
            .slots
            .lock()
            .get(name)
            .map(|slot| Arc::clone(&slot.contents))
        else {
            return Ok(false);
        };
        let mut contents = slot.write().await;
        // A request may have used it while this waited for the lock.
        let may_close = |slot: &Slot| may_close(slot, contents.as_ref());
        if !self.slots.lock().get(name).is_some_and(may_close) {
            return Ok(false);
        }
        // No reset or snapshot may replace its data before it is deleted.
        let core = contents.as_ref().map(Arc::clone);
        let lock = match &core {
            Some(core) => Some(core.lifecycle_lock.lock().await),
            None => None,
        };
        let existed = self.store.delete_sandbox(name).await?;
        drop(lock);
        if let Some(open) = contents.take() {
            open.close();
        }
        drop(contents);
        let mut slots = self.slots.lock();
        // A request that waits for the slot creates a new sandbox in it.
        if Arc::strong_count(&slot) <= 2 {
            slots.remove(name);
        }
        Ok(existed)
    }

    /// Removes the sandboxes that have been idle for longer. The default one stays.
    pub(crate) async fn evict_idle(&self, idle: Duration) -> Result<(), StoreError> {
        let is_idle = |slot: &Slot, contents: Option<&Arc<SandboxCore>>| slot.idle(contents) > idle;
        let names: Vec<String> = {
            let slots = self.slots.lock();
            // Requests in progress are looked for under the lock of the slot.
            let idle = slots
                .iter()
                .filter(|(name, slot)| *name != DEFAULT && is_idle(slot, None));
            idle.map(|(name, _)| name.clone()).collect()
        };
        for name in names {
            if self.close_if(&name, is_idle).await? {
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
