//! Operations on the sandboxes.

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::initial_data::{DataSource, Seed, apply_seed};
use crate::store::sandbox_data::SandboxData;
use crate::store::sandbox_index::{LockedSource, SandboxRecord};
use crate::store::tables::data_keys::mark_retired;
use crate::store::tables::sandboxes::{
    SandboxRow, StoredKey, delete, insert, mark_explicit, move_to, set_clock, set_signing_key,
};
use crate::store::tables::snapshots;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A sandbox to create.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewSandboxRow<'a> {
    pub(crate) name: &'a str,
    /// The server's seed, which it starts from unless it has one of its own.
    pub(crate) server_seed: &'a Seed,
    pub(crate) own_seed: Option<&'a Seed>,
    /// The settings that differ from the server's, as JSON text.
    pub(crate) settings: Option<&'a str>,
    pub(crate) is_explicit: bool,
    /// The state of its clock, as JSON text.
    pub(crate) clock: &'a str,
    pub(crate) signing_key: &'a StoredKey,
}

impl Store {
    /// Loads a stored sandbox into memory.
    pub(crate) async fn find_sandbox(&self, name: &str) -> Result<Option<SandboxRow>, StoreError> {
        let found = {
            let index = self.sandbox_index();
            index.sandboxes.get(name).map(|record| record.row.clone())
        };
        if let Some(row) = &found {
            row.data.load().await?;
        }
        Ok(found)
    }

    /// Whether there is a sandbox of this name.
    pub(crate) fn has_sandbox(&self, name: &str) -> bool {
        self.sandbox_index().sandboxes.contains_key(name)
    }

    /// Whether a control call or Rust created or used this sandbox, not only a request that named it.
    pub(crate) fn is_explicit(&self, name: &str) -> bool {
        let index = self.sandbox_index();
        let record = index.sandboxes.get(name);
        record.is_some_and(|record| record.row.is_explicit)
    }

    /// Whether this sandbox exists, and only requests have named it.
    pub(crate) fn is_request_created(&self, name: &str) -> bool {
        let index = self.sandbox_index();
        let record = index.sandboxes.get(name);
        record.is_some_and(|record| !record.row.is_explicit)
    }

    /// Marks a sandbox as explicit.
    pub(crate) async fn mark_explicit(&self, name: &str) -> Result<(), StoreError> {
        self.commit_index_change(|_, batch| batch.push(|| mark_explicit(name)))
            .await?;
        if let Some(record) = self.sandbox_index().sandboxes.get_mut(name) {
            record.row.is_explicit = true;
        }
        Ok(())
    }

    /// The names of all sandboxes.
    pub(crate) fn list_sandboxes(&self) -> Vec<String> {
        self.sandbox_index().sandboxes.keys().cloned().collect()
    }

    /// Creates a sandbox. Errors: there is no room for its seed.
    pub(crate) async fn insert_sandbox(
        &self,
        new: NewSandboxRow<'_>,
    ) -> Result<SandboxRow, StoreError> {
        let seed_bytes = new.own_seed.map_or(0, Seed::size_in_bytes);
        let (row, _planned) = self
            .commit_index_change(|index, batch| {
                index.check_room_for_seed(seed_bytes)?;
                let seed_data = new
                    .own_seed
                    .map(|own| index.create_data(&mut LockedSource::Seed(own), batch));
                let seed = new.own_seed.unwrap_or(new.server_seed);
                let row = SandboxRow {
                    data: index.create_data(&mut LockedSource::Seed(seed), batch),
                    clock: new.clock.to_owned(),
                    signing_key: Some(new.signing_key.clone()),
                    seed_data,
                    settings: new.settings.map(str::to_owned),
                    is_explicit: new.is_explicit,
                };
                batch.push(|| insert(new.name, &row));
                let planned = index.planned_seeds.add(seed_bytes);
                Ok::<_, StoreError>((row, planned))
            })
            .await??;
        let record = SandboxRecord {
            row: row.clone(),
            seed_bytes,
            snapshots: BTreeMap::new(),
        };
        let name = new.name.to_owned();
        self.sandbox_index().sandboxes.insert(name, record);
        Ok(row)
    }

    /// Applies the server's current seed to a sandbox of an earlier run: its users and clients replace those of the same ids.
    pub(crate) async fn refresh_sandbox(
        &self,
        name: &str,
        seed: &Seed,
        data: &SandboxData,
        signing_key: &StoredKey,
    ) -> Result<(), StoreError> {
        self.commit_index_change(|_, batch| batch.push(|| set_signing_key(name, signing_key)))
            .await?;
        if let Some(record) = self.sandbox_index().sandboxes.get_mut(name) {
            record.row.signing_key = Some(signing_key.clone());
        }
        data.change(|tables, batch| apply_seed(tables, batch, seed))
            .await
    }

    /// Stores the clock of a sandbox, unless its data was replaced.
    pub(crate) async fn store_clock(
        &self,
        name: &str,
        data: &SandboxData,
        clock: &str,
    ) -> Result<(), StoreError> {
        self.commit_index_change(|index, batch| {
            if index.sandbox_in(name, data).is_some() {
                batch.push(|| set_clock(name, clock));
            }
        })
        .await?;
        if let Some(record) = self.sandbox_index().sandbox_in(name, data) {
            clock.clone_into(&mut record.row.clock);
        }
        Ok(())
    }

    /// Replaces the data of a sandbox, and its clock. Returns the new data; none if `from` is not its data any more.
    pub(crate) async fn replace_data(
        &self,
        name: &str,
        from: &SandboxData,
        source: DataSource<'_>,
        clock: &str,
    ) -> Result<Option<Arc<SandboxData>>, StoreError> {
        if let DataSource::Copy(source) = source {
            source.load().await?;
        }
        let prepare = || LockedSource::new(source);
        let new = self
            .commit_index_change_with(prepare, |source, index, batch| {
                index.sandbox_in(name, from)?;
                let new = index.create_data(source, batch);
                batch.push(|| move_to(name, new.key(), clock));
                batch.push(|| mark_retired(from.key()));
                Some(new)
            })
            .await?;
        if let Some(new) = &new {
            from.retire();
            if let Some(record) = self.sandbox_index().sandbox_in(name, from) {
                record.row.data = Arc::clone(new);
                clock.clone_into(&mut record.row.clock);
            }
        }
        Ok(new)
    }

    /// Deletes a sandbox and its snapshots, and returns whether it existed. The rows are removed once no request uses them.
    pub(crate) async fn delete_sandbox(&self, name: &str) -> Result<bool, StoreError> {
        self.commit_index_change(|index, batch| {
            let Some(record) = index.sandboxes.get(name) else {
                return;
            };
            batch.push(|| snapshots::delete_all(name));
            batch.push(|| delete(name));
            for data in record.all_data() {
                batch.push(|| mark_retired(data.key()));
            }
        })
        .await?;
        let removed = self.sandbox_index().sandboxes.remove(name);
        for data in removed.iter().flat_map(SandboxRecord::all_data) {
            data.retire();
        }
        Ok(removed.is_some())
    }
}
