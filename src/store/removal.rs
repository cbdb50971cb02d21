//! The removal of rows that no request can reach any more: after resets, restores and deletions.

use sqlx::SqliteConnection;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::error::StoreError;
use super::file::DatabaseFile;
use super::handle::Store;
use super::tables::data_keys::{TABLES, delete};

/// At most this many keys are removed at the same time. They share commits: sandboxes may come and go faster than the rows
/// of one after the other can be removed.
const MAX_CONCURRENT_REMOVALS: usize = 16;

impl DatabaseFile {
    /// Removes all rows of a key, in small batches, so that other writes are not delayed.
    pub(super) async fn remove_rows(&self, key: &str) -> Result<(), StoreError> {
        let mut remaining = TABLES.iter().collect::<Vec<_>>();
        while !remaining.is_empty() {
            let deletions = remaining.iter().map(|table| table.delete_some(key));
            self.write(deletions.collect()).await?;
            let with_rows = async |db: &mut SqliteConnection| {
                let mut with_rows = Vec::new();
                for table in &remaining {
                    if table.has_rows(db, key).await? {
                        with_rows.push(*table);
                    }
                }
                Ok(with_rows)
            };
            remaining = self.readers.read(with_rows).await?;
        }
        self.write(vec![delete(key)]).await
    }
}

impl Store {
    /// Removes rows whose data was dropped, until the server stops.
    pub(crate) async fn remove_retired_data(self, stop: CancellationToken) {
        let Some(file) = self.file else {
            return;
        };
        let mut queue = file.removal_queue.lock().await;
        // Keys that could not be removed, because the disk is full for example, are tried again with the next ones.
        let mut keys = Vec::new();
        loop {
            let count = tokio::select! {
                () = stop.cancelled() => return,
                count = queue.recv_many(&mut keys, MAX_CONCURRENT_REMOVALS) => count,
            };
            if count == 0 {
                return;
            }
            let mut removals = JoinSet::new();
            for key in keys.drain(..) {
                let file = Arc::clone(&file);
                removals.spawn(async move {
                    file.remove_rows(&key).await.map_err(|error| (key, error))
                });
            }
            loop {
                let removed = tokio::select! {
                    () = stop.cancelled() => return,
                    removed = removals.join_next() => removed,
                };
                match removed {
                    None => break,
                    Some(Ok(Err((key, error)))) => {
                        tracing::warn!(%error, "cannot remove the data from before a reset; retrying with the next removal");
                        keys.push(key);
                    }
                    // The task does not panic and is not aborted.
                    Some(_) => {}
                }
            }
        }
    }
}
