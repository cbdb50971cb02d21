//! Operations on the grants of a user or client: tokens, codes, devices, consents, spends and workflows.

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::sandbox_data::Rows;
use crate::store::tables::owner::{Held, Whose};

impl Store {
    /// Removes what these users have given these clients, of some tables and at once. How many rows there were.
    pub(crate) async fn delete_held(
        &self,
        world: &Rows,
        held: &[Held],
        whose: Whose<'_>,
    ) -> Result<u64, StoreError> {
        self.begin_write()
            .await?
            .write(world, |tables, draft| {
                held.iter()
                    .map(|held| tables.remove(*held, whose, draft))
                    .sum()
            })
            .kept()
            .await
    }
}
