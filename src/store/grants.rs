//! Operations on the grants of a user or client: tokens, codes, devices, consents, spends and workflows.

use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::grant_tables::{GrantTable, UserClientFilter};

impl SandboxData {
    /// Deletes the selected rows of several tables in one change and returns how many.
    pub(crate) async fn delete_grants(
        &self,
        owned: &[GrantTable],
        filter: UserClientFilter<'_>,
    ) -> Result<u64, StoreError> {
        self.change(|tables, batch| {
            owned
                .iter()
                .map(|table| tables.remove(*table, filter, batch))
                .sum()
        })
        .await
    }
}
