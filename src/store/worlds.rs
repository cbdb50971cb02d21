//! Operations on the data of sandboxes: load it, and remove what no sandbox uses.

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::sandbox_data::Rows;
use crate::store::tables::Tables;
use crate::store::tables::worlds::{TABLES, delete};
use sqlx::SqliteConnection;

impl Store {
    /// Brings a world of an earlier run into memory.
    pub(super) async fn load(&self, world: &Rows) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            let mut loaded = world.loaded.lock().await;
            if !*loaded {
                let tables = file
                    .readers
                    .read(async |db| Tables::of_file(db, world.key()).await)
                    .await?;
                *world.write() = tables;
                *loaded = true;
            }
        }
        Ok(())
    }

    /// The worlds that are retired and not yet gone.
    pub(crate) fn retired_worlds(&self) -> Vec<String> {
        self.catalogue().retired.iter().cloned().collect()
    }

    /// Removes a retired world, bit by bit, so that others come to their turn between. Nobody may hold it any more.
    pub(crate) async fn remove_world(&self, key: &str) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            let mut left = TABLES.iter().collect::<Vec<_>>();
            while !left.is_empty() {
                self.begin_write()
                    .await?
                    .plan(|_, pen| {
                        for table in &left {
                            pen.note(|| table.delete_some(key));
                        }
                    })
                    .kept()
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
            .plan(|_, pen| pen.note(|| delete(key)))
            .kept()
            .await?;
        self.catalogue().retired.remove(key);
        Ok(())
    }
}
