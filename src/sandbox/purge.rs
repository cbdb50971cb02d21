//! The removal of data that no request can reach any more: after resets, restores and deletions.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// The most generations that are removed at the same time. They share commits: sandboxes may come and go faster than one
/// generation after the other can be removed.
const MAX_CONCURRENT_REMOVALS: usize = 16;

/// Queues generations for removal.
#[derive(Debug, Clone)]
pub(crate) struct Purger(UnboundedSender<String>);

/// The generations that are still to be removed.
#[derive(Debug)]
pub(crate) struct PurgeQueue(pub(super) UnboundedReceiver<String>);

/// The two ends of the queue.
pub(crate) fn purge_channel() -> (Purger, PurgeQueue) {
    let (sender, receiver) = unbounded_channel();
    (Purger(sender), PurgeQueue(receiver))
}

impl Purger {
    /// Queues the generation with this key.
    pub(super) fn remove(&self, key: String) {
        // After the server has stopped, nothing receives it: the next start removes it.
        let _ = self.0.send(key);
    }
}

impl PurgeQueue {
    /// Removes generations until the server stops.
    pub(crate) async fn run(mut self, store: Store, stop: CancellationToken) {
        // Those that could not be removed, because the disk is full for example, are tried again with the next ones.
        let mut keys = Vec::new();
        loop {
            let count = tokio::select! {
                () = stop.cancelled() => return,
                count = self.0.recv_many(&mut keys, MAX_CONCURRENT_REMOVALS) => count,
            };
            if count == 0 {
                return;
            }
            let mut removals = JoinSet::new();
            for key in keys.drain(..) {
                let store = store.clone();
                removals.spawn(async move {
                    store.purge_data(&key).await.map_err(|error| (key, error))
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
                        tracing::warn!(%error, "cannot remove the data of before a reset; retrying with the next removal");
                        keys.push(key);
                    }
                    // The task does not panic and is not aborted.
                    Some(_) => {}
                }
            }
        }
    }
}
