//! Changes of memory that are queued for the database file, and their commit.

use super::catalogue::Catalogue;
use super::catalogue_batch::Pen;
use super::commit::Pending;
use super::error::StoreError;
use super::handle::Store;
use super::sandbox_data::Rows;
use super::tables::Tables;
use super::write_batch::Draft;
use super::write_queue::Log;

/// Changes are accepted.
pub(super) struct Leave<'a>(&'a Store);

/// A change that is queued, if there is a file.
pub(super) struct Changed<'a, T> {
    done: T,
    pending: Result<Option<Pending>, StoreError>,
    log: Option<&'a Log>,
}

impl Store {
    /// Waits until changes are accepted. Errors: the file cannot be written.
    pub(super) async fn begin_write(&self) -> Result<Leave<'_>, StoreError> {
        if let Some(log) = self.log() {
            log.admit().await?;
        }
        Ok(Leave(self))
    }
}

impl<'a> Leave<'a> {
    /// Changes a world in memory. If the file refuses the change, the world is reloaded from it.
    pub(super) fn write<T>(
        self,
        world: &Rows,
        act: impl FnOnce(&mut Tables, &mut Draft<'_>) -> T,
    ) -> Changed<'a, T> {
        let log = self.0.log();
        let mut tables = world.write();
        let mut draft = Draft::new(world.shared_key(), log.is_some());
        let done = act(&mut tables, &mut draft);
        // Before the lock is released: the file sees changes in the order in which memory saw them.
        let pending = match log {
            Some(log) => log.append_change(world, &mut tables, draft.into_statements()),
            None => Ok(None),
        };
        Changed { done, pending, log }
    }

    /// Plans a change of the catalogue: which sandboxes, snapshots and worlds there are. Memory stays as it is; the caller
    /// applies the plan once it is committed, and prevents other changes of the same sandbox until then.
    pub(super) fn plan<'w, T>(
        self,
        plan: impl FnOnce(&mut Catalogue, &mut Pen<'w>) -> T,
    ) -> Changed<'a, T>
    where
        'a: 'w,
    {
        let pen = self.pen();
        self.plan_with(pen, plan)
    }

    /// A pen for [`Leave::plan_with`].
    pub(super) fn pen<'w>(&self) -> Pen<'w>
    where
        'a: 'w,
    {
        Pen::new(self.0.log())
    }

    /// As [`Leave::plan`]. What the pen has copied was copied before the catalogue was locked: a copy may take long, and
    /// other sandboxes need the catalogue.
    pub(super) fn plan_with<'w, T>(
        self,
        mut pen: Pen<'w>,
        plan: impl FnOnce(&mut Catalogue, &mut Pen<'w>) -> T,
    ) -> Changed<'a, T>
    where
        'a: 'w,
    {
        let log = self.0.log();
        let mut catalogue = self.0.catalogue();
        let done = plan(&mut catalogue, &mut pen);
        let pending = pen.hand_in();
        Changed { done, pending, log }
    }
}

impl<T> Changed<'_, T> {
    /// Returns when the change is committed.
    pub(super) async fn kept(self) -> Result<T, StoreError> {
        if let (Some(pending), Some(log)) = (self.pending?, self.log) {
            log.committed(pending).await?;
        }
        Ok(self.done)
    }
}
