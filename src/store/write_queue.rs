//! The queue between memory and the database file: batches of SQL statements, each committed in one transaction.
//!
//! A change is made in memory under its world's lock and queued before that lock is released, so the file sees changes in
//! the order in which memory saw them. After a failed commit the queue refuses changes until the writer (`writer.rs`) has
//! reloaded every world whose memory is ahead of the file, and a write has succeeded.

use super::commit::{Outcome, Pending};
use super::error::StoreError;
use super::sandbox_data::Rows;
use super::statement::Statement;
use super::tables::Tables;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Notify, watch};

/// Statements that are committed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) statements: Vec<Statement>,
    /// The worlds that the statements have changed in memory.
    worlds: Vec<Weak<Rows>>,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Batch {
    fn pending(&self) -> Pending {
        Pending(self.outcome.subscribe())
    }

    /// Reports the outcome to every request that waits for it.
    pub(super) fn finish(self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }
}

/// A request to find out whether the file can be written.
pub(super) type Probe = watch::Sender<Option<Outcome>>;

/// What the writer does next.
pub(super) struct Work {
    pub(super) batch: Batch,
    pub(super) probe: Option<Probe>,
    /// The server is stopping; nothing is queued after this.
    pub(super) is_last: bool,
}

/// How memory and the file stand.
#[derive(Debug, Clone, Default)]
enum State {
    /// Changes are accepted.
    #[default]
    Writable,
    /// A commit has failed; memory is being reloaded.
    Reloading,
    /// Memory is as the file; changes are refused until a write succeeds.
    Refusing,
    /// Memory is ahead of the file, which could not be read either.
    Stale(Arc<str>),
}

/// The queue between memory and the file.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    queue: Mutex<Queue>,
    wake: Notify,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct Queue {
    batch: Batch,
    probe: Option<Probe>,
    /// Why no change is accepted.
    refusal: Option<Arc<str>>,
    /// Worlds whose memory is ahead of the file for good.
    stale: Vec<Weak<Rows>>,
    is_closing: bool,
    is_closed: bool,
}

/// The batches that a failed commit has taken with it.
pub(super) struct Failed([Batch; 2]);

impl Failed {
    pub(super) fn finish(self, why: &Arc<str>) {
        for batch in self.0 {
            batch.finish(Err(Arc::clone(why)));
        }
    }
}

impl Log {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            queue: Mutex::default(),
            wake: Notify::new(),
            state: watch::Sender::default(),
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwritable(&self, why: Arc<str>) -> StoreError {
        StoreError::Unwritable {
            path: self.path.clone(),
            why,
        }
    }

    fn closed(&self) -> StoreError {
        self.unwritable("the server is stopping".into())
    }

    /// Returns when changes are accepted. After a failed commit it has the writer try again: a request that comes once
    /// there is room is served.
    pub(super) async fn admit(&self) -> Result<(), StoreError> {
        if matches!(*self.state.borrow(), State::Writable) {
            return Ok(());
        }
        self.try_out().await
    }

    /// Returns when no world's memory is ahead of the file for good: after a failed commit, requests wait for the reload.
    pub(super) async fn settled(&self) -> Result<(), StoreError> {
        if matches!(*self.state.borrow(), State::Writable | State::Refusing) {
            return Ok(());
        }
        let mut state = self.state.subscribe();
        let is_known = |state: &State| !matches!(state, State::Reloading);
        let is_stale = match state.wait_for(is_known).await {
            Ok(state) => matches!(*state, State::Stale(_)),
            Err(_) => return Err(self.closed()),
        };
        if is_stale {
            // The file may be readable by now, even if it cannot be written.
            let tried = self.try_out().await;
            if let State::Stale(why) = &*self.state.borrow() {
                return Err(tried
                    .err()
                    .unwrap_or_else(|| self.unwritable(Arc::clone(why))));
            }
        }
        Ok(())
    }

    /// Has the writer write something, be it a page that says what it said before.
    pub(super) async fn try_out(&self) -> Result<(), StoreError> {
        let pending = {
            let mut queue = self.queue();
            if queue.is_closed {
                return Err(self.closed());
            }
            // An attempt under way does not count: it may have met what is fixed by now.
            Pending(queue.probe.get_or_insert_default().subscribe())
        };
        self.wake.notify_one();
        self.committed(pending).await
    }

    /// Queues a change of a world, whose lock the caller holds. A change without statements has the outcome of the change
    /// before: what it was decided by must be in the file, too.
    pub(super) fn append_change(
        &self,
        world: &Rows,
        tables: &mut Tables,
        statements: Vec<Statement>,
    ) -> Result<Option<Pending>, StoreError> {
        if statements.is_empty() {
            return Ok(tables.pending.clone());
        }
        let mut queue = self.queue();
        if let Some(why) = queue.refusal.clone() {
            queue.stale.push(world.downgrade());
            if !queue.is_closed {
                // No request may read the change until the writer has taken it back.
                self.state.send_replace(State::Reloading);
                queue.probe.get_or_insert_default();
                self.wake.notify_one();
            }
            return Err(self.unwritable(why));
        }
        let pending = queue.batch.pending();
        let before = tables.pending.as_ref();
        if !before.is_some_and(|before| before.is_same(&pending)) {
            queue.batch.worlds.push(world.downgrade());
            tables.pending = Some(pending.clone());
        }
        queue.batch.statements.extend(statements);
        drop(queue);
        self.wake.notify_one();
        Ok(Some(pending))
    }

    /// Queues statements that no memory has yet.
    pub(super) fn append(&self, statements: Vec<Statement>) -> Result<Pending, StoreError> {
        let mut queue = self.queue();
        if let Some(why) = queue.refusal.clone() {
            return Err(self.unwritable(why));
        }
        let pending = queue.batch.pending();
        queue.batch.statements.extend(statements);
        drop(queue);
        self.wake.notify_one();
        Ok(pending)
    }

    /// Returns when the batch is committed, or has failed to be.
    pub(super) async fn committed(&self, pending: Pending) -> Result<(), StoreError> {
        let Pending(mut outcome) = pending;
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Err(why))) => Err(self.unwritable(Arc::clone(why))),
            Ok(_) => Ok(()),
            // The writer has ended.
            Err(_) => Err(self.closed()),
        }
    }

    /// Whether the writer has taken everything that was queued.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.queue().batch.statements.is_empty()
    }

    /// Waits for something to do.
    pub(super) async fn next(&self) -> Work {
        loop {
            // Other requests that are about to queue something share the transaction.
            tokio::task::yield_now().await;
            {
                let mut queue = self.queue();
                let is_due = !queue.batch.statements.is_empty() || queue.probe.is_some();
                if is_due || queue.is_closing {
                    return Work {
                        batch: std::mem::take(&mut queue.batch),
                        probe: queue.probe.take(),
                        is_last: queue.is_closing,
                    };
                }
            }
            self.wake.notified().await;
        }
    }

    /// Refuses changes from now on. Whatever is queued fails with the batch that could not be committed.
    pub(super) fn refuse(&self, batch: Batch, why: &Arc<str>) -> Failed {
        let mut queue = self.queue();
        queue.refusal = Some(Arc::clone(why));
        let mut failed = Failed([batch, std::mem::take(&mut queue.batch)]);
        for batch in &mut failed.0 {
            queue.stale.append(&mut batch.worlds);
        }
        self.state.send_replace(State::Reloading);
        failed
    }

    /// Whether changes are refused.
    pub(super) fn is_refusing(&self) -> bool {
        self.queue().refusal.is_some()
    }

    /// The worlds to reload.
    pub(super) fn take_stale(&self) -> Vec<Weak<Rows>> {
        std::mem::take(&mut self.queue().stale)
    }

    /// Memory could not be reloaded.
    pub(super) fn stay_stale(&self, mut left: Vec<Weak<Rows>>, why: &Arc<str>) {
        let mut queue = self.queue();
        queue.stale.append(&mut left);
        self.state.send_replace(State::Stale(Arc::clone(why)));
    }

    /// Changes stay refused; requests may read, unless some world is stale still. Whether they may.
    pub(super) fn reloaded(&self) -> bool {
        let queue = self.queue();
        if !queue.stale.is_empty() {
            return false;
        }
        self.state.send_replace(State::Refusing);
        true
    }

    /// Accepts changes again, unless some world is stale still. Whether it does.
    pub(super) fn accept(&self) -> bool {
        let mut queue = self.queue();
        if !queue.stale.is_empty() {
            return false;
        }
        queue.refusal = None;
        self.state.send_replace(State::Writable);
        true
    }

    /// The writer has ended, for whatever reason: nobody is left waiting.
    pub(super) fn end(&self) {
        let mut queue = self.queue();
        queue.refusal = Some("the server is stopping".into());
        queue.is_closed = true;
        queue.batch = Batch::default();
        queue.probe = None;
        let why = Arc::from("the server is stopping");
        self.state.send_replace(State::Stale(why));
    }

    /// Has the writer end once it has written what is queued.
    pub(super) fn close(&self) {
        self.queue().is_closing = true;
        self.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Batch, Log, Path, Rows, State, Tables};
    use crate::store::statement::Statement;

    #[tokio::test]
    async fn a_probe_is_answered_by_the_next_attempt() {
        let log = Arc::new(Log::new(Path::new("mock.db")));
        let first = log.append(vec![Statement::new("select 1")]).unwrap();
        let under_way = log.next().await;
        let asks = Arc::clone(&log);
        let asked = tokio::spawn(async move { asks.try_out().await });
        while log.queue().probe.is_none() {
            tokio::task::yield_now().await;
        }
        let full = Arc::from("it was full then");
        log.refuse(under_way.batch, &full).finish(&full);
        log.committed(first).await.expect_err("its batch failed");
        let next = log.next().await;
        next.probe
            .expect("it was asked for")
            .send_replace(Some(Ok(())));
        asked.await.expect("it ends").expect("it is not full now");
    }

    #[tokio::test]
    async fn a_change_that_was_admitted_too_early_is_reloaded_before_anything_is_read() {
        let log = Log::new(Path::new("mock.db"));
        let full = Arc::from("full");
        log.refuse(Batch::default(), &full).finish(&full);
        assert!(log.take_stale().is_empty() && log.reloaded());
        // It passed `admit` before the commit failed, and waited for the lock of its world.
        let world = Rows::new("1", Tables::default());
        let refused =
            log.append_change(&world, &mut world.write(), vec![Statement::new("select 1")]);
        refused.expect_err("refused");
        assert!(matches!(*log.state.borrow(), State::Reloading));
        assert!(log.next().await.probe.is_some(), "the writer is told");
        assert!(!log.reloaded(), "the world is stale still");
        assert_eq!(log.take_stale().len(), 1);
        assert!(log.reloaded());
        log.settled().await.expect("memory is as the file");
    }

    #[tokio::test]
    async fn everything_queued_fails_with_a_failed_batch_and_nothing_is_queued_until_accepted() {
        let log = Log::new(Path::new("mock.db"));
        let one = || vec![Statement::new("select 1")];
        let first = log.append(one()).unwrap();
        let under_way = log.next().await;
        let second = log.append(one()).unwrap();
        let why = Arc::from("full");
        log.refuse(under_way.batch, &why).finish(&why);
        for pending in [first, second] {
            log.committed(pending).await.expect_err("refused");
        }
        log.append(one()).expect_err("refused");
        assert!(log.accept());
        let third = log.append(one()).unwrap();
        log.next().await.batch.finish(Ok(()));
        log.committed(third).await.expect("committed");
    }
}
