//! Limits on concurrent readers of journals and of the spends of many apps: each of them needs memory and processor
//! time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// At most this many searches at once, and this many long answers that are being sent.
const MAX_SEARCHES: usize = 8;
const MAX_STREAMS: usize = 8;

/// At most this many wait for exchanges that are to come: each of them looks at every new one.
const MAX_WAITS: usize = 256;

/// At most this many listen to the events of dashboards: each of them renders every new exchange.
const MAX_LISTENERS: usize = 64;

/// Advice looks at a whole journal at once.
const MAX_ADVICE: usize = 1;

/// Computations of what many apps have spent.
const MAX_SPENDS: usize = 1;

/// A reader that waits longer for its turn is refused.
const MAX_WAIT: Duration = Duration::from_secs(10);

/// The turns of one server.
#[derive(Debug)]
pub(crate) struct JournalReaders {
    searches: Arc<Semaphore>,
    streams: Arc<Semaphore>,
    waits: Arc<Semaphore>,
    listeners: Arc<Semaphore>,
    advice: Arc<Semaphore>,
    spends: Arc<Semaphore>,
}

/// Others have read for longer than a reader waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TooManyReaders;

impl Default for JournalReaders {
    fn default() -> Self {
        Self {
            searches: Arc::new(Semaphore::new(MAX_SEARCHES)),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            waits: Arc::new(Semaphore::new(MAX_WAITS)),
            listeners: Arc::new(Semaphore::new(MAX_LISTENERS)),
            advice: Arc::new(Semaphore::new(MAX_ADVICE)),
            spends: Arc::new(Semaphore::new(MAX_SPENDS)),
        }
    }
}

/// A turn to read; dropping it ends the turn.
#[derive(Debug)]
pub(crate) struct ReaderPermit {
    _permit: OwnedSemaphorePermit,
}

async fn permit(turns: &Arc<Semaphore>) -> Result<ReaderPermit, TooManyReaders> {
    let permit = Arc::clone(turns).acquire_owned();
    match tokio::time::timeout(MAX_WAIT, permit).await {
        Ok(Ok(permit)) => Ok(ReaderPermit { _permit: permit }),
        // The semaphore is never closed.
        Ok(Err(_)) | Err(_) => Err(TooManyReaders),
    }
}

/// A turn that lasts for long: the next reader is refused at once.
fn place(places: &Arc<Semaphore>) -> Result<ReaderPermit, TooManyReaders> {
    let permit = Arc::clone(places).try_acquire_owned();
    let permit = permit.map_err(|_| TooManyReaders)?;
    Ok(ReaderPermit { _permit: permit })
}

impl JournalReaders {
    /// A turn to search a journal and to show what was found.
    pub(crate) async fn search(&self) -> Result<ReaderPermit, TooManyReaders> {
        permit(&self.searches).await
    }

    /// A turn to send a long answer, however slowly its client reads.
    pub(crate) async fn stream(&self) -> Result<ReaderPermit, TooManyReaders> {
        permit(&self.streams).await
    }

    /// A place among those that wait for exchanges.
    pub(crate) fn wait(&self) -> Result<ReaderPermit, TooManyReaders> {
        place(&self.waits)
    }

    /// A place among those that listen to the events of a dashboard.
    pub(crate) fn listen(&self) -> Result<ReaderPermit, TooManyReaders> {
        place(&self.listeners)
    }

    /// A turn to advise.
    pub(crate) async fn advice(&self) -> Result<ReaderPermit, TooManyReaders> {
        permit(&self.advice).await
    }

    /// A turn to compute what many apps have spent.
    pub(crate) async fn spends(&self) -> Result<ReaderPermit, TooManyReaders> {
        permit(&self.spends).await
    }
}
