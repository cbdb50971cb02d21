//! Operations on the grants of a user or client: tokens, codes, devices, consents, spends and workflows.

use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::owner::{OwnedTable, OwnerKey};

impl SandboxData {
    /// Deletes rows of an owner from several tables at once. Returns how many.
    pub(crate) async fn delete_owned(
        &self,
        held: &[OwnedTable],
        owner: OwnerKey<'_>,
    ) -> Result<u64, StoreError> {
        self.change(|tables, batch| {
            held.iter()
                .map(|held| tables.remove(*held, owner, batch))
                .sum()
        })
        .await
    }
}
