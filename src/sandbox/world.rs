//! Where are a sandbox's rows kept? A sandbox goes from world to world: each reset and each restore begins
//! one, and whoever began in an older one goes on there, unseen. When the last of them is done, it is removed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::store::{Rows, Store};

/// A sandbox's rows. Whoever holds it may write there.
#[derive(Debug)]
pub(crate) struct World {
    rows: Arc<Rows>,
    retired: AtomicBool,
    purger: Purger,
}

impl World {
    pub(super) fn new(rows: Arc<Rows>, purger: Purger) -> Self {
        Self {
            rows,
            retired: AtomicBool::new(false),
            purger,
        }
    }

    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// It is to be removed when nobody holds it any more.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if self.retired.load(Ordering::Acquire) {
            self.purger.remove(self.rows.key().to_owned());
        }
    }
}

/// So many worlds are removed side by side, and share what is committed: sandboxes may come and go quicker than one after
/// the other is emptied.
const AT_ONCE: usize = 16;

/// Has worlds removed that nobody holds.
#[derive(Debug, Clone)]
pub(crate) struct Purger(UnboundedSender<String>);

/// What the purger still has to do.
#[derive(Debug)]
pub(crate) struct PurgeQueue(pub(super) UnboundedReceiver<String>);

pub(crate) fn purge_channel() -> (Purger, PurgeQueue) {
    let (sender, receiver) = unbounded_channel();
    (Purger(sender), PurgeQueue(receiver))
}

impl Purger {
    pub(super) fn remove(&self, key: String) {
        // After the server has stopped nobody listens: the next start finds what is left.
        let _ = self.0.send(key);
    }
}

impl PurgeQueue {
    /// Removes worlds until the server stops.
    pub(crate) async fn clear(mut self, store: Store, stop: CancellationToken) {
        // What a full disk has kept: they are tried again with the next.
        let mut keys = Vec::new();
        loop {
            let many = tokio::select! {
                () = stop.cancelled() => return,
                many = self.0.recv_many(&mut keys, AT_ONCE) => many,
            };
            if many == 0 {
                return;
            }
            let mut removals = JoinSet::new();
            for key in keys.drain(..) {
                let store = store.clone();
                removals
                    .spawn(async move { store.remove_world(&key).await.map_err(|why| (key, why)) });
            }
            loop {
                let removed = tokio::select! {
                    () = stop.cancelled() => return,
                    removed = removals.join_next() => removed,
                };
                match removed {
                    None => break,
                    Some(Ok(Err((key, why)))) => {
                        tracing::warn!(%why, "the rows of an old world could not be removed; they go with the next");
                        keys.push(key);
                    }
                    // It does not panic, and nobody else ends it.
                    Some(_) => {}
                }
            }
        }
    }
}
