//! Changes of the catalogue and their commit.

use super::catalogue::Catalogue;
use super::catalogue_batch::CatalogueBatch;
use super::error::StoreError;
use super::handle::Store;

impl Store {
    /// Plans a change of the catalogue, and returns once it is committed. Memory stays as it is: the caller applies the plan
    /// then, and prevents other changes of the same sandbox until it is applied.
    pub(super) async fn plan<T>(
        &self,
        plan: impl FnOnce(&mut Catalogue, &mut CatalogueBatch) -> T,
    ) -> Result<T, StoreError> {
        self.plan_with(|| (), |(), catalogue, batch| plan(catalogue, batch))
            .await
    }

    /// As [`Store::plan`]. `prepare` runs before the catalogue is locked: a copy may take long, and other sandboxes need the
    /// catalogue. Its result is dropped after the statements are queued.
    pub(super) async fn plan_with<P, T>(
        &self,
        prepare: impl FnOnce() -> P,
        plan: impl FnOnce(&mut P, &mut Catalogue, &mut CatalogueBatch) -> T,
    ) -> Result<T, StoreError> {
        if let Some(file) = &self.file {
            file.queue.wait_until_writable().await?;
        }
        let (planned, pending) = {
            let mut prepared = prepare();
            let mut batch = CatalogueBatch::new(self.file.clone());
            let mut catalogue = self.catalogue();
            let planned = plan(&mut prepared, &mut catalogue, &mut batch);
            (planned, batch.submit()?)
        };
        if let (Some(file), Some(pending)) = (&self.file, pending) {
            file.queue.committed(pending).await?;
        }
        Ok(planned)
    }
}
