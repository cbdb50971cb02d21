//! Operations on the data of sandboxes: load it, and remove what no sandbox uses.

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::Tables;
use crate::store::tables::worlds::{TABLES, delete};
use sqlx::SqliteConnection;

impl Store {
    /// Loads the data of an earlier run into memory.
    pub(super) async fn load(&self, world: &SandboxData) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            let mut loaded = world.loaded.lock().await;
            if !*loaded {
                let tables = file
                    .readers
                    .read(async |db| Tables::read(db, world.key()).await)
                    .await?;
                *world.write() = tables;
                *loaded = true;
            }
        }
        Ok(())
    }

    /// The keys of data that is to be removed.
    pub(crate) fn retired_data(&self) -> Vec<String> {
        self.catalogue().retired.iter().cloned().collect()
    }

    /// Removes data that no handle refers to, in small batches, so that other writes are not delayed.
    pub(crate) async fn purge_data(&self, key: &str) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            let mut left = TABLES.iter().collect::<Vec<_>>();
            while !left.is_empty() {
                self.begin_write()
                    .await?
                    .plan(|_, batch| {
                        for table in &left {
                            batch.push(|| table.delete_some(key));
                        }
                    })
                    .committed()
                    .await?;
                let looks = async |db: &mut SqliteConnection| {
                    let mut more = Vec::new();
                    for table in &left {
                        if table.has_rows(db, key).await? {
                            more.push(*table);
                        }
                    }
                    Ok(more)
                };
                left = file.readers.read(looks).await?;
            }
        }
        self.begin_write()
            .await?
            .plan(|_, batch| batch.push(|| delete(key)))
            .committed()
            .await?;
        self.catalogue().retired.remove(key);
        Ok(())
    }
}
