//! Changes of memory that are queued for the database file, and their commit.

use super::catalogue::Catalogue;
use super::catalogue_batch::CatalogueBatch;
use super::commit::PendingCommit;
use super::error::StoreError;
use super::handle::Store;
use super::sandbox_data::SandboxData;
use super::tables::Tables;
use super::write_batch::WriteBatch;
use super::write_queue::WriteQueue;

/// Permission to change data: the file could be written at the last attempt.
pub(super) struct WritePermit<'a>(&'a Store);

/// A change that is queued, if there is a file.
pub(super) struct QueuedChange<'a, T> {
    done: T,
    pending: Result<Option<PendingCommit>, StoreError>,
    queue: Option<&'a WriteQueue>,
}

impl Store {
    /// Waits until changes are accepted. Errors: the file cannot be written.
    pub(super) async fn begin_write(&self) -> Result<WritePermit<'_>, StoreError> {
        if let Some(queue) = self.queue() {
            queue.wait_until_writable().await?;
        }
        Ok(WritePermit(self))
    }
}

impl<'a> WritePermit<'a> {
    /// Changes the data of a sandbox in memory. If the commit fails, the data is reloaded from the file.
    pub(super) fn write<T>(
        self,
        data: &SandboxData,
        act: impl FnOnce(&mut Tables, &mut WriteBatch<'_>) -> T,
    ) -> QueuedChange<'a, T> {
        let queue = self.0.queue();
        let mut tables = data.write();
        let mut batch = WriteBatch::new(data.shared_key(), queue.is_some());
        let done = act(&mut tables, &mut batch);
        // Before the lock is released: the file sees changes in the order in which memory saw them.
        let pending = match queue {
            Some(queue) => queue.append_change(data, &mut tables, batch.into_statements()),
            None => Ok(None),
        };
        QueuedChange {
            done,
            pending,
            queue,
        }
    }

    /// Plans a change of the catalogue: sandboxes, snapshots and data keys. Memory stays as it is; the caller
    /// applies the plan once it is committed, and prevents other changes of the same sandbox until then.
    pub(super) fn plan<'w, T>(
        self,
        plan: impl FnOnce(&mut Catalogue, &mut CatalogueBatch<'w>) -> T,
    ) -> QueuedChange<'a, T>
    where
        'a: 'w,
    {
        let batch = self.catalogue_batch();
        self.plan_with(batch, plan)
    }

    /// A batch for [`WritePermit::plan_with`].
    pub(super) fn catalogue_batch<'w>(&self) -> CatalogueBatch<'w>
    where
        'a: 'w,
    {
        CatalogueBatch::new(self.0.queue())
    }

    /// As [`WritePermit::plan`]. What the batch has copied was copied before the catalogue was locked: a copy may take long, and
    /// other sandboxes need the catalogue.
    pub(super) fn plan_with<'w, T>(
        self,
        mut batch: CatalogueBatch<'w>,
        plan: impl FnOnce(&mut Catalogue, &mut CatalogueBatch<'w>) -> T,
    ) -> QueuedChange<'a, T>
    where
        'a: 'w,
    {
        let queue = self.0.queue();
        let mut catalogue = self.0.catalogue();
        let done = plan(&mut catalogue, &mut batch);
        let pending = batch.submit();
        QueuedChange {
            done,
            pending,
            queue,
        }
    }
}

impl<T> QueuedChange<'_, T> {
    /// Returns when the change is committed.
    pub(super) async fn committed(self) -> Result<T, StoreError> {
        if let (Some(pending), Some(queue)) = (self.pending?, self.queue) {
            queue.committed(pending).await?;
        }
        Ok(self.done)
    }
}
