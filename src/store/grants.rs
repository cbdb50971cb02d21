//! Operations on the grants of a user or client: tokens, codes, devices, consents, spends and workflows.

use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::owner::{OwnedTable, OwnerKey};

impl SandboxData {
    /// Deletes rows of an owner from several tables at once. Returns how many.
    pub(crate) async fn delete_owned(
        &self,
        owned: &[OwnedTable],
        owner: OwnerKey<'_>,
    ) -> Result<u64, StoreError> {
        self.change(|tables, batch| {
            owned
                .iter()
                .map(|table| tables.remove(*table, owner, batch))
                .sum()
        })
        .await
    }
}
