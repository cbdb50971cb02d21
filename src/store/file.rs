//! An open database file: the queue of its writes, the connections that read, and the task that writes.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use super::error::StoreError;
use super::readers::Readers;
use super::statement::Statement;
use super::write_queue::WriteQueue;

/// An open database file.
#[derive(Debug)]
pub(super) struct DatabaseFile {
    pub(super) queue: Arc<WriteQueue>,
    /// Connections that load data into memory.
    pub(super) readers: Arc<Readers>,
    removals: UnboundedSender<Arc<str>>,
    /// The keys of data whose rows are to be removed.
    pub(super) removal_queue: tokio::sync::Mutex<UnboundedReceiver<Arc<str>>>,
    /// None before the writer is started, and once the file is closed.
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl DatabaseFile {
    /// A file without a writer yet. `options` open its connections; `path` is for messages.
    pub(super) fn new(path: &Path, options: &SqliteConnectOptions) -> Self {
        let (removals, removal_queue) = unbounded_channel();
        Self {
            queue: Arc::new(WriteQueue::new(path)),
            readers: Arc::new(Readers::new(options.clone())),
            removals,
            removal_queue: tokio::sync::Mutex::new(removal_queue),
            writer: Mutex::default(),
        }
    }

    /// Starts the task that writes the queue.
    pub(super) fn start_writer(&self, writer: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(writer);
        *self.writer.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    /// Commits statements that change nothing in memory.
    pub(super) async fn write(&self, statements: Vec<Statement>) -> Result<(), StoreError> {
        self.queue.wait_until_writable().await?;
        let pending = self.queue.append(statements)?;
        self.queue.committed(pending).await
    }

    /// Queues the removal of the rows of a key. If the server stops before it removes them, the next start does.
    pub(super) fn remove_later(&self, key: Arc<str>) {
        // It cannot fail: the other end is in this struct.
        let _ = self.removals.send(key);
    }

    /// Writes the queue and closes the file.
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

impl Drop for DatabaseFile {
    fn drop(&mut self) {
        self.queue.close();
    }
}
