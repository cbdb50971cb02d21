//! The sandboxes of a server. The first request that an endpoint takes creates one, or a control call does; idle ones are
//! removed. Opening and closing a sandbox of one name take turns.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedRwLockWriteGuard;
use tokio_util::sync::CancellationToken;

use super::clock::ClockState;
use super::entropy::Entropy;
use super::handle::{Sandbox, SandboxParts, Shared, whole};
use super::journal::JournalMemory;
use super::keys::IdTokenKey;
use super::name::DEFAULT;
use super::places::{Inside, Place, Places};
use super::settings::SettingsPatch;
use super::template::{Blueprint, CreatedBy, OwnBlueprint};
use super::world::Janitor;
use crate::store::{Own, Seed, Store, StoreError};

/// The sandboxes of one server.
#[derive(Debug)]
pub(crate) struct Registry {
    store: Store,
    blueprint: Arc<Blueprint>,
    places: Places,
    janitor: Janitor,
    /// Cancelled when the server stops.
    stopping: CancellationToken,
}

impl Registry {
    /// The sandboxes of this database: those of an earlier run as well, which are opened when they are used.
    pub(crate) fn open(store: Store, blueprint: Blueprint, most: usize, janitor: Janitor) -> Self {
        for world in store.retired_worlds() {
            janitor.remove(world);
        }
        let known = store.list_sandboxes().into_iter().map(|name| {
            let created_by = if store.is_explicit(&name) {
                CreatedBy::Explicit
            } else {
                CreatedBy::Request
            };
            (name, created_by)
        });
        Self {
            places: Places::new(known, most),
            store,
            blueprint: Arc::new(blueprint),
            janitor,
            stopping: CancellationToken::new(),
        }
    }

    /// The server stops: requests that wait for something to come are answered with what there is.
    pub(crate) fn stop_waiting(&self) {
        self.stopping.cancel();
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The memory that the journals of all sandboxes share.
    pub(crate) fn journal_memory(&self) -> &JournalMemory {
        &self.blueprint.journal_limits.memory
    }

    /// The sandbox of this name, which is created if it does not exist; two first requests at once create one sandbox.
    /// Errors: the database refuses, or there are as many sandboxes as there may be.
    pub(crate) async fn sandbox(
        self: &Arc<Self>,
        name: &str,
        created_by: CreatedBy,
    ) -> Result<Sandbox, StoreError> {
        self.store.settled().await?;
        let place = self.place_or_evict(name, created_by).await?;
        // Without waiting: a client that disconnects must not leave a place without a sandbox.
        if let Ok(inside) = place.try_read()
            && let Some(open) = inside.as_ref()
        {
            return Ok(Sandbox::of(open));
        }
        let (registry, name) = (Arc::clone(self), name.to_owned());
        whole(async move {
            let inside = Arc::clone(&place).write_owned().await;
            if let Some(open) = inside.as_ref() {
                return Ok(Sandbox::of(open));
            }
            let own = OwnBlueprint::new(created_by);
            registry.move_in(&name, (place, inside), own).await
        })
        .await
    }

    /// The sandbox of this name, if it exists. Creates none.
    pub(crate) async fn find(self: &Arc<Self>, name: &str) -> Result<Option<Sandbox>, StoreError> {
        self.store.settled().await?;
        let Some(place) = self.places.find(name) else {
            return Ok(None);
        };
        if let Some(open) = place.read().await.as_ref() {
            return Ok(Some(Sandbox::of(open)));
        }
        let inside = Arc::clone(&place).write_owned().await;
        if let Some(open) = inside.as_ref() {
            return Ok(Some(Sandbox::of(open)));
        }
        if self.store.has_sandbox(name) {
            // It is in the database: what it would be created with is not read.
            let own = OwnBlueprint::new(CreatedBy::Explicit);
            let (registry, name) = (Arc::clone(self), name.to_owned());
            let opened =
                whole(async move { registry.move_in(&name, (place, inside), own).await }).await;
            return opened.map(Some);
        }
        drop(inside);
        self.vacate(name, &place);
        Ok(None)
    }

    /// Marks a sandbox as wanted explicitly, so that it makes room for no other.
    pub(crate) async fn claim(&self, name: &str) -> Result<(), StoreError> {
        self.places.claim(name);
        // By what is committed: a claim that the file refused must be repeated.
        if self.store.has_unclaimed(name) {
            self.store.claim_sandbox(name).await?;
        }
        Ok(())
    }

    /// Opens a sandbox in its place, or gives the place up. To be run by [`whole`].
    async fn move_in(
        &self,
        name: &str,
        (place, mut inside): (Inside, OwnedRwLockWriteGuard<Option<Arc<Shared>>>),
        own: OwnBlueprint,
    ) -> Result<Sandbox, StoreError> {
        match self.open_sandbox(name, own).await {
            Ok(opened) => {
                let opened = inside.insert(Arc::new(opened));
                Ok(Sandbox::of(opened))
            }
            Err(why) => {
                drop(inside);
                self.vacate(name, &place);
                Err(why)
            }
        }
    }

    /// As [`Places::take`], after removing an idle sandbox where there is no room.
    async fn place_or_evict(
        self: &Arc<Self>,
        name: &str,
        created_by: CreatedBy,
    ) -> Result<Inside, StoreError> {
        loop {
            let full = match self.places.take(name, created_by) {
                Err(error @ StoreError::TooManySandboxes { .. }) => error,
                found => return found,
            };
            if !self.evict_one(created_by.least_idle()).await? {
                return Err(full);
            }
        }
    }

    /// Removes the sandbox that has been idle longest of those that a mere request created. Whether there was one.
    async fn evict_one(self: &Arc<Self>, least_idle: Duration) -> Result<bool, StoreError> {
        let Some(name) = self.places.longest_idle(least_idle) else {
            return Ok(false);
        };
        tracing::info!(sandbox = name, "removed to make room for another sandbox");
        let registry = Arc::clone(self);
        // If it has been used meanwhile, the caller looks for another.
        whole(async move {
            let is_idle = |place: &Place, inside: Option<&Arc<Shared>>| {
                place.evictable(inside, least_idle).is_some()
            };
            registry.close_if(&name, is_idle).await
        })
        .await?;
        Ok(true)
    }

    /// Gives up a place that a sandbox could not be made in, unless somebody else waits for it: it is one of those that
    /// there may be.
    fn vacate(&self, name: &str, place: &Inside) {
        let mut places = self.places.lock();
        // The registry's own, and this one.
        if Arc::strong_count(place) == 2 && name != DEFAULT && !self.store.has_sandbox(name) {
            places.remove(name);
        }
    }

    /// Opens a sandbox: as it was left where the database knows it, else as it is to be made.
    async fn open_sandbox(&self, name: &str, own: OwnBlueprint) -> Result<Shared, StoreError> {
        let entropy = Entropy::new(self.blueprint.entropy_seed, name, self.store.run());
        let known = self.store.find_sandbox(name).await?;
        let kept = known.as_ref().and_then(|known| known.signing_key.as_ref());
        let key = self
            .blueprint
            .key
            .clone()
            .or_else(|| kept.and_then(IdTokenKey::from_stored))
            .unwrap_or_else(|| IdTokenKey::draw(&entropy));
        let (row, clock) = if let Some(row) = known {
            let seed = match row.seed_world {
                None => &self.blueprint.seed,
                Some(_) => &Seed::default(),
            };
            self.store
                .refresh_sandbox(name, seed, &row.world, &key.to_stored())
                .await?;
            let clock = ClockState::from_text(&row.clock)?;
            (row, clock)
        } else {
            let settings = own.settings.to_text();
            let (seed, clock) = (&self.blueprint.seed, ClockState::default());
            let own = Own {
                seed: own.seed.as_ref(),
                settings: settings.as_deref(),
                is_explicit: own.created_by == CreatedBy::Explicit,
            };
            let state = (&*clock.to_text(), &key.to_stored());
            let row = self.store.insert_sandbox(name, seed, own, state).await?;
            (row, clock)
        };
        let blueprint = match &row.settings {
            None => Arc::clone(&self.blueprint),
            Some(text) => Arc::new(self.blueprint_with(SettingsPatch::from_text(text)?)),
        };
        Ok(Shared::new(SandboxParts {
            name: name.to_owned(),
            store: self.store.clone(),
            blueprint,
            row,
            clock,
            entropy,
            key,
            janitor: self.janitor.clone(),
            gone: self.stopping.child_token(),
        }))
    }

    fn blueprint_with(&self, settings: SettingsPatch) -> Blueprint {
        let mut blueprint = (*self.blueprint).clone();
        blueprint.settings = blueprint.settings.patched(settings);
        blueprint
    }

    /// What a sandbox starts from that is not given anything else.
    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// Makes a sandbox; nothing where there is one of the name.
    pub(crate) async fn make(
        self: &Arc<Self>,
        name: &str,
        own: OwnBlueprint,
    ) -> Result<Option<Sandbox>, StoreError> {
        let place = self.place_or_evict(name, own.created_by).await?;
        let (registry, name) = (Arc::clone(self), name.to_owned());
        whole(async move {
            let inside = Arc::clone(&place).write_owned().await;
            if inside.is_some() || registry.store.has_sandbox(&name) {
                return Ok(None);
            }
            let opened = registry.move_in(&name, (place, inside), own).await;
            opened.map(Some)
        })
        .await
    }

    /// How long nobody has used a sandbox; nothing where there is none.
    pub(crate) fn idle(&self, name: &str) -> Option<Duration> {
        let places = self.places.lock();
        let place = places.get(name)?;
        Some(match place.inside.try_read() {
            Ok(inside) => place.idle(inside.as_ref()),
            // Somebody opens it, or closes it.
            Err(_) => Duration::ZERO,
        })
    }

    /// Removes a sandbox and all that is in it. Whether there was one.
    pub(crate) async fn close_sandbox(self: &Arc<Self>, name: &str) -> Result<bool, StoreError> {
        let (registry, name) = (Arc::clone(self), name.to_owned());
        whole(async move { registry.close_if(&name, |_, _| true).await }).await
    }

    async fn close_if(
        &self,
        name: &str,
        may_go: impl Fn(&Place, Option<&Arc<Shared>>) -> bool,
    ) -> Result<bool, StoreError> {
        let Some(place) = self
            .places
            .lock()
            .get(name)
            .map(|place| Arc::clone(&place.inside))
        else {
            return Ok(false);
        };
        let mut inside = place.write().await;
        // Somebody may have come while this waited for its turn.
        let may_go = |place: &Place| may_go(place, inside.as_ref());
        if !self.places.lock().get(name).is_some_and(may_go) {
            return Ok(false);
        }
        // Until it is deleted, no reset or snapshot may give it another world.
        let shared = inside.as_ref().map(Arc::clone);
        let turn = match &shared {
            Some(shared) => Some(shared.turn.lock().await),
            None => None,
        };
        let worlds = self.store.delete_sandbox(name).await?;
        let known = !worlds.is_empty();
        drop(turn);
        let open = inside.take();
        let held = open.as_ref().map(|open| open.today());
        if let Some(open) = open {
            open.close();
        }
        for world in worlds {
            // Who is under way in it removes it at the end.
            if held.as_ref().is_none_or(|held| held.rows().key() != world) {
                self.janitor.remove(world);
            }
        }
        drop(inside);
        let mut places = self.places.lock();
        // Whoever waits for the place makes a new sandbox in it.
        if Arc::strong_count(&place) <= 2 {
            places.remove(name);
        }
        Ok(known)
    }

    /// Removes the sandboxes that nobody has used for so long. The default one stays.
    pub(crate) async fn sweep(&self, idle: Duration) -> Result<(), StoreError> {
        let is_idle = |place: &Place, inside: Option<&Arc<Shared>>| place.idle(inside) > idle;
        let names: Vec<String> = {
            let places = self.places.lock();
            // Who came lately, and who is still there, is asked with the place to ourselves.
            let idle = places
                .iter()
                .filter(|(name, place)| *name != DEFAULT && is_idle(place, None));
            idle.map(|(name, _)| name.clone()).collect()
        };
        for name in names {
            if self.close_if(&name, is_idle).await? {
                tracing::info!(
                    sandbox = name,
                    "nobody has used this sandbox for a while: it goes"
                );
            }
        }
        Ok(())
    }

    /// Closes the database.
    pub(crate) async fn close(&self) {
        self.store.close().await;
    }
}
