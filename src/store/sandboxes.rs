//! Operations on the sandboxes.

use crate::store::catalogue::{Kept, Start};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::initial_data::{Origin, Seed, sow};
use crate::store::sandbox_data::Rows;
use crate::store::tables::sandboxes::{
    SandboxRow, StoredKey, claim, delete, insert, move_to, set_clock, set_signing_key,
};
use crate::store::tables::snapshots;
use crate::store::tables::worlds::mark_retired;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a new sandbox has that is not the server's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Own<'a> {
    pub(crate) seed: Option<&'a Seed>,
    pub(crate) settings: Option<&'a str>,
    pub(crate) is_explicit: bool,
}

impl Store {
    /// A sandbox that is there already, its rows in memory.
    pub(crate) async fn find_sandbox(&self, name: &str) -> Result<Option<SandboxRow>, StoreError> {
        let found = {
            let catalogue = self.catalogue();
            catalogue.sandboxes.get(name).map(|kept| kept.row.clone())
        };
        if let Some(row) = &found {
            self.load(&row.world).await?;
        }
        Ok(found)
    }

    /// Whether there is a sandbox of this name.
    pub(crate) fn has_sandbox(&self, name: &str) -> bool {
        self.catalogue().sandboxes.contains_key(name)
    }

    /// Whether a control call or Rust asked for this sandbox, not only a request that named it.
    pub(crate) fn is_explicit(&self, name: &str) -> bool {
        let catalogue = self.catalogue();
        let kept = catalogue.sandboxes.get(name);
        kept.is_some_and(|kept| kept.row.is_explicit)
    }

    /// Whether there is a sandbox of this name that only requests have named so far.
    pub(crate) fn has_unclaimed(&self, name: &str) -> bool {
        let catalogue = self.catalogue();
        let kept = catalogue.sandboxes.get(name);
        kept.is_some_and(|kept| !kept.row.is_explicit)
    }

    /// Marks a sandbox as asked for explicitly.
    pub(crate) async fn claim_sandbox(&self, name: &str) -> Result<(), StoreError> {
        self.begin_write()
            .await?
            .plan(|_, pen| pen.note(|| claim(name)))
            .kept()
            .await?;
        if let Some(kept) = self.catalogue().sandboxes.get_mut(name) {
            kept.row.is_explicit = true;
        }
        Ok(())
    }

    /// The sandboxes that there are, by name.
    pub(crate) fn list_sandboxes(&self) -> Vec<String> {
        self.catalogue().sandboxes.keys().cloned().collect()
    }

    /// Makes a sandbox from its own seed, or else from the server's. Errors: there is no room for the seed.
    pub(crate) async fn insert_sandbox(
        &self,
        name: &str,
        seed: &Seed,
        own: Own<'_>,
        (clock, signing_key): (&str, &StoredKey),
    ) -> Result<SandboxRow, StoreError> {
        let seed_bytes = own.seed.map_or(0, Seed::size_in_bytes);
        let (row, _planned) = self
            .begin_write()
            .await?
            .plan(|catalogue, pen| {
                catalogue.check_room_for_seed(seed_bytes)?;
                let seed_world = own.seed.map(|own| catalogue.begin(Start::Seed(own), pen));
                let seed = own.seed.unwrap_or(seed);
                let row = SandboxRow {
                    world: catalogue.begin(Start::Seed(seed), pen),
                    clock: clock.to_owned(),
                    signing_key: Some(signing_key.clone()),
                    seed_world,
                    settings: own.settings.map(str::to_owned),
                    is_explicit: own.is_explicit,
                };
                pen.note(|| insert(name, &row));
                let planned = catalogue.planned_seeds.add(seed_bytes);
                Ok::<_, StoreError>((row, planned))
            })
            .kept()
            .await??;
        let kept = Kept {
            row: row.clone(),
            seed_bytes,
            snapshots: BTreeMap::new(),
        };
        self.catalogue().sandboxes.insert(name.to_owned(), kept);
        Ok(row)
    }

    /// Brings a sandbox of an earlier run up to the server's seed of today: its users and clients in place of those
    /// of the same ids.
    pub(crate) async fn refresh_sandbox(
        &self,
        name: &str,
        seed: &Seed,
        world: &Rows,
        signing_key: &StoredKey,
    ) -> Result<(), StoreError> {
        self.begin_write()
            .await?
            .plan(|_, pen| pen.note(|| set_signing_key(name, signing_key)))
            .kept()
            .await?;
        if let Some(kept) = self.catalogue().sandboxes.get_mut(name) {
            kept.row.signing_key = Some(signing_key.clone());
        }
        self.begin_write()
            .await?
            .write(world, |tables, draft| sow(tables, draft, seed))
            .kept()
            .await
    }

    /// Stores the clock of a sandbox, unless it has moved on from this world.
    pub(crate) async fn keep_clock(
        &self,
        name: &str,
        world: &Rows,
        clock: &str,
    ) -> Result<(), StoreError> {
        self.begin_write()
            .await?
            .plan(|catalogue, pen| {
                if catalogue.sandbox_in(name, world).is_some() {
                    pen.note(|| set_clock(name, clock));
                }
            })
            .kept()
            .await?;
        if let Some(kept) = self.catalogue().sandbox_in(name, world) {
            clock.clone_into(&mut kept.row.clock);
        }
        Ok(())
    }

    /// Moves a sandbox to a new world, which is returned, with the clock. None if it is not in the world `from` any more.
    pub(crate) async fn begin_anew(
        &self,
        name: &str,
        from: &Rows,
        origin: Origin<'_>,
        clock: &str,
    ) -> Result<Option<Arc<Rows>>, StoreError> {
        if let Origin::World(origin) = origin {
            self.load(origin).await?;
        }
        let leave = self.begin_write().await?;
        let planned = {
            let mut pen = leave.pen();
            let start = Start::new(origin, &mut pen);
            leave.plan_with(pen, |catalogue, pen| {
                catalogue.sandbox_in(name, from)?;
                let new = catalogue.begin(start, pen);
                pen.note(|| move_to(name, new.key(), clock));
                pen.note(|| mark_retired(from.key()));
                Some(new)
            })
        };
        let new = planned.kept().await?;
        if let Some(new) = &new {
            let mut catalogue = self.catalogue();
            if let Some(kept) = catalogue.sandbox_in(name, from) {
                kept.row.world = Arc::clone(new);
                clock.clone_into(&mut kept.row.clock);
            }
            catalogue.retired.insert(from.key().to_owned());
        }
        Ok(new)
    }

    /// Deletes a sandbox and its snapshots. Returns the keys of the worlds that are to be removed; none if there was no such
    /// sandbox.
    pub(crate) async fn delete_sandbox(&self, name: &str) -> Result<Vec<String>, StoreError> {
        let worlds = self
            .begin_write()
            .await?
            .plan(|catalogue, pen| {
                let known = catalogue.sandboxes.get(name);
                let worlds = known.map(Kept::worlds).unwrap_or_default();
                if known.is_some() {
                    pen.note(|| snapshots::delete_all(name));
                    pen.note(|| delete(name));
                }
                for world in &worlds {
                    pen.note(|| mark_retired(world));
                }
                worlds
            })
            .kept()
            .await?;
        let mut catalogue = self.catalogue();
        catalogue.sandboxes.remove(name);
        catalogue.retired.extend(worlds.iter().cloned());
        Ok(worlds)
    }
}
