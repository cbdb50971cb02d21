//! Limits on concurrent readers of journals and of the spends of many apps: each of them needs memory and processor
//! time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A reader that waits longer than this is refused.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The limits of one server.
#[derive(Debug)]
pub(crate) struct ReaderLimits {
    /// Searches of a journal, until the result is written.
    pub(crate) searches: ReaderLimit,
    /// Long answers that are being sent, however slowly their clients read.
    pub(crate) streams: ReaderLimit,
    /// Requests that wait for an exchange: each of them looks at every new one.
    pub(crate) waits: ReaderLimit,
    /// Listeners to the events of consoles: each of them renders every new exchange.
    pub(crate) listeners: ReaderLimit,
    /// Advice, which looks at a whole journal at once.
    pub(crate) advice: ReaderLimit,
    /// Computations of what many apps have spent.
    pub(crate) spends: ReaderLimit,
}

impl Default for ReaderLimits {
    fn default() -> Self {
        Self {
            searches: ReaderLimit::new(8),
            streams: ReaderLimit::new(8),
            waits: ReaderLimit::new(256),
            listeners: ReaderLimit::new(64),
            advice: ReaderLimit::new(1),
            spends: ReaderLimit::new(1),
        }
    }
}

/// The number of readers of one kind.
#[derive(Debug)]
pub(crate) struct ReaderLimit(Arc<Semaphore>);

/// The permission of one reader, until it is dropped.
#[derive(Debug)]
pub(crate) struct ReaderPermit {
    _permit: OwnedSemaphorePermit,
}

/// Other readers have read for longer than a reader waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooManyReaders;

impl ReaderLimit {
    fn new(max_readers: usize) -> Self {
        Self(Arc::new(Semaphore::new(max_readers)))
    }

    /// Waits for a permit, at most 10 s.
    pub(crate) async fn acquire(&self) -> Result<ReaderPermit, TooManyReaders> {
        let permit = Arc::clone(&self.0).acquire_owned();
        match tokio::time::timeout(MAX_WAIT, permit).await {
            Ok(Ok(permit)) => Ok(ReaderPermit { _permit: permit }),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(TooManyReaders),
        }
    }

    /// A permit for long: if there is none, the reader is refused at once.
    pub(crate) fn try_acquire(&self) -> Result<ReaderPermit, TooManyReaders> {
        let permit = Arc::clone(&self.0).try_acquire_owned();
        let permit = permit.map_err(|_| TooManyReaders)?;
        Ok(ReaderPermit { _permit: permit })
    }
}
