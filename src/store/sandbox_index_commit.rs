//! Changes of the sandbox index and their commit.

use super::error::StoreError;
use super::handle::Store;
use super::sandbox_index::{SandboxIndex, SandboxIndexBatch};

impl Store {
    /// Commits a change of the sandbox index to the file. Memory stays as it is: the caller applies the change afterwards, and
    /// prevents other changes of the same sandbox until it is applied.
    pub(super) async fn commit_index_change<T>(
        &self,
        change: impl FnOnce(&mut SandboxIndex, &mut SandboxIndexBatch) -> T,
    ) -> Result<T, StoreError> {
        self.commit_index_change_with(|| (), |(), index, batch| change(index, batch))
            .await
    }

    /// As [`Store::commit_index_change`]. `prepare` runs before the sandbox index is locked: a copy may take long, and other
    /// sandboxes need the sandbox index. Its result is dropped after the statements are queued.
    pub(super) async fn commit_index_change_with<P, T>(
        &self,
        prepare: impl FnOnce() -> P,
        change: impl FnOnce(&mut P, &mut SandboxIndex, &mut SandboxIndexBatch) -> T,
    ) -> Result<T, StoreError> {
        if let Some(file) = &self.file {
            file.queue.wait_until_writable().await?;
        }
        let (planned, pending) = {
            let mut prepared = prepare();
            let mut batch = SandboxIndexBatch::new(self.file.clone());
            let mut index = self.sandbox_index();
            let planned = change(&mut prepared, &mut index, &mut batch);
            (planned, batch.submit()?)
        };
        if let (Some(file), Some(pending)) = (&self.file, pending) {
            file.queue.committed(pending).await?;
        }
        Ok(planned)
    }
}
