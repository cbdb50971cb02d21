//! An open database file: the queue of its writes, the connections that read, and the task that writes.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinHandle;

use super::readers::Readers;
use super::write_queue::WriteQueue;

/// An open database file.
#[derive(Debug)]
pub(super) struct File {
    pub(super) queue: Arc<WriteQueue>,
    /// Connections that load data into memory.
    pub(super) readers: Arc<Readers>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl File {
    pub(super) fn new(
        queue: Arc<WriteQueue>,
        readers: Arc<Readers>,
        writer: JoinHandle<()>,
    ) -> Self {
        Self {
            queue,
            readers,
            writer: Mutex::new(Some(writer)),
        }
    }

    /// Writes what is queued and closes the file.
    pub(super) async fn close(&self) {
        self.queue.close();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // It does not panic, and nothing else ends it.
            let _ = writer.await;
        }
    }
}

impl Drop for File {
    fn drop(&mut self) {
        self.queue.close();
    }
}
