//! Changes of the sandbox index and their commit.

use super::error::StoreError;
use super::handle::Store;
use super::sandbox_index::SandboxIndex;
use super::sandbox_index_batch::SandboxIndexBatch;

impl Store {
    /// Plans a change of the sandbox index, and returns once it is committed. Memory stays as it is: the caller applies the plan
    /// then, and prevents other changes of the same sandbox until it is applied.
    pub(super) async fn plan<T>(
        &self,
        plan: impl FnOnce(&mut SandboxIndex, &mut SandboxIndexBatch) -> T,
    ) -> Result<T, StoreError> {
        self.plan_with(|| (), |(), index, batch| plan(index, batch))
            .await
    }

    /// As [`Store::plan`]. `prepare` runs before the sandbox index is locked: a copy may take long, and other sandboxes need the
    /// sandbox index. Its result is dropped after the statements are queued.
    pub(super) async fn plan_with<P, T>(
        &self,
        prepare: impl FnOnce() -> P,
        plan: impl FnOnce(&mut P, &mut SandboxIndex, &mut SandboxIndexBatch) -> T,
    ) -> Result<T, StoreError> {
        if let Some(file) = &self.file {
            file.queue.wait_until_writable().await?;
        }
        let (planned, pending) = {
            let mut prepared = prepare();
            let mut batch = SandboxIndexBatch::new(self.file.clone());
            let mut index = self.sandbox_index();
            let planned = plan(&mut prepared, &mut index, &mut batch);
            (planned, batch.submit()?)
        };
        if let (Some(file), Some(pending)) = (&self.file, pending) {
            file.queue.committed(pending).await?;
        }
        Ok(planned)
    }
}
