//! The queue between memory and the database file: batches of SQL statements, each committed in one transaction.
//!
//! A change is made in memory under the lock of its sandbox and queued before that lock is released, so the file sees changes
//! in the order in which memory saw them. After a failed commit the queue refuses changes until the writer (`writer.rs`) has
//! reloaded every sandbox whose memory is ahead of the file, and a write has succeeded.

use super::commit::{Outcome, PendingCommit};
use super::error::StoreError;
use super::statement::Statement;
use super::tables::Tables;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{Notify, watch};

/// Memory that is reloaded from the file after a failed commit.
pub(super) trait Reload: std::fmt::Debug + Send + Sync {
    /// The key of its rows in the file.
    fn key(&self) -> &str;

    fn replace(&self, tables: Tables);
}

/// Statements that are committed together.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    pub(super) statements: Vec<Statement>,
    /// The data that the statements have changed in memory.
    changed_data: Vec<Weak<dyn Reload>>,
    outcome: watch::Sender<Option<Outcome>>,
}

impl Transaction {
    fn pending(&self) -> PendingCommit {
        PendingCommit(self.outcome.subscribe())
    }

    /// Reports the outcome to every request that waits for it.
    pub(super) fn finish(self, outcome: Outcome) {
        self.outcome.send_replace(Some(outcome));
    }
}

/// A request to find out whether the file can be written.
pub(super) type Probe = watch::Sender<Option<Outcome>>;

/// The next work of the writer.
pub(super) struct Work {
    pub(super) transaction: Transaction,
    pub(super) probe: Option<Probe>,
    /// The server is stopping; nothing is queued after this.
    pub(super) is_last: bool,
}

/// How memory relates to the file.
#[derive(Debug, Clone, Default)]
enum State {
    /// Changes are accepted.
    #[default]
    Writable,
    /// A commit has failed; memory is being reloaded.
    Reloading,
    /// Memory equals the file; changes are refused until a write succeeds.
    Refusing,
    /// Memory is ahead of the file, which could not be read.
    Stale(Arc<str>),
}

/// The queue between memory and the file.
#[derive(Debug)]
pub(super) struct WriteQueue {
    path: PathBuf,
    contents: Mutex<QueueContents>,
    wake: Notify,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct QueueContents {
    transaction: Transaction,
    probe: Option<Probe>,
    /// The reason, while no change is accepted.
    refusal: Option<Arc<str>>,
    /// Data whose memory is ahead of the file until it is reloaded.
    stale: Vec<Weak<dyn Reload>>,
    is_closing: bool,
    is_closed: bool,
}

impl WriteQueue {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            contents: Mutex::default(),
            wake: Notify::new(),
            state: watch::Sender::default(),
        }
    }

    fn contents(&self) -> MutexGuard<'_, QueueContents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn unwritable(&self, reason: Arc<str>) -> StoreError {
        StoreError::Unwritable {
            path: self.path.clone(),
            reason,
        }
    }

    fn closed(&self) -> StoreError {
        self.unwritable("the server is stopping".into())
    }

    /// Returns when changes are accepted. After a failed commit it has the writer try again: a request that comes once
    /// there is room is served.
    pub(super) async fn wait_until_writable(&self) -> Result<(), StoreError> {
        if matches!(*self.state.borrow(), State::Writable) {
            return Ok(());
        }
        self.probe().await
    }

    /// Returns when no memory is ahead of the file: after a failed commit, requests wait for the reload.
    pub(super) async fn wait_for_reload(&self) -> Result<(), StoreError> {
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
            let tried = self.probe().await;
            if let State::Stale(reason) = &*self.state.borrow() {
                return Err(tried
                    .err()
                    .unwrap_or_else(|| self.unwritable(Arc::clone(reason))));
            }
        }
        Ok(())
    }

    /// Has the writer attempt a write, of an unchanged page if nothing else is queued.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        let pending = {
            let mut contents = self.contents();
            if contents.is_closed {
                return Err(self.closed());
            }
            // An attempt under way does not count: its error may be fixed by now.
            PendingCommit(contents.probe.get_or_insert_default().subscribe())
        };
        self.wake.notify_one();
        self.committed(pending).await
    }

    /// Queues a change of `data`, whose lock the caller holds. A change without statements gets the outcome of the change
    /// before it, on which it may depend.
    pub(super) fn append_change(
        &self,
        data: &Weak<dyn Reload>,
        tables: &mut Tables,
        statements: Vec<Statement>,
    ) -> Result<Option<PendingCommit>, StoreError> {
        if statements.is_empty() {
            return Ok(tables.pending.clone());
        }
        let mut contents = self.contents();
        if let Some(reason) = contents.refusal.clone() {
            contents.stale.push(Weak::clone(data));
            if !contents.is_closed {
                // No request may read the change until the writer has taken it back.
                self.state.send_replace(State::Reloading);
                contents.probe.get_or_insert_default();
                self.wake.notify_one();
            }
            return Err(self.unwritable(reason));
        }
        let pending = contents.transaction.pending();
        let before = tables.pending.as_ref();
        if !before.is_some_and(|before| before.is_same(&pending)) {
            contents.transaction.changed_data.push(Weak::clone(data));
            tables.pending = Some(pending.clone());
        }
        contents.transaction.statements.extend(statements);
        drop(contents);
        self.wake.notify_one();
        Ok(Some(pending))
    }

    /// Queues statements that change nothing in memory.
    pub(super) fn append(&self, statements: Vec<Statement>) -> Result<PendingCommit, StoreError> {
        let mut contents = self.contents();
        if let Some(reason) = contents.refusal.clone() {
            return Err(self.unwritable(reason));
        }
        let pending = contents.transaction.pending();
        contents.transaction.statements.extend(statements);
        drop(contents);
        self.wake.notify_one();
        Ok(pending)
    }

    /// Returns when the transaction is committed, or has failed to be.
    pub(super) async fn committed(&self, pending: PendingCommit) -> Result<(), StoreError> {
        let PendingCommit(mut outcome) = pending;
        match outcome.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(Err(reason))) => Err(self.unwritable(Arc::clone(reason))),
            Ok(_) => Ok(()),
            // The writer has ended.
            Err(_) => Err(self.closed()),
        }
    }

    /// Whether the writer has taken everything that was queued.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.contents().transaction.statements.is_empty()
    }

    /// Waits for something to do.
    pub(super) async fn next(&self) -> Work {
        loop {
            // Other requests that are about to queue a change share the transaction.
            tokio::task::yield_now().await;
            {
                let mut contents = self.contents();
                let is_due =
                    !contents.transaction.statements.is_empty() || contents.probe.is_some();
                if is_due || contents.is_closing {
                    return Work {
                        transaction: std::mem::take(&mut contents.transaction),
                        probe: contents.probe.take(),
                        is_last: contents.is_closing,
                    };
                }
            }
            self.wake.notified().await;
        }
    }

    /// Refuses changes from now on. Returns the transactions that failed: the one that could not be committed, and what is
    /// queued.
    pub(super) fn suspend(&self, transaction: Transaction, reason: &Arc<str>) -> [Transaction; 2] {
        let mut contents = self.contents();
        contents.refusal = Some(Arc::clone(reason));
        let mut failed = [transaction, std::mem::take(&mut contents.transaction)];
        for transaction in &mut failed {
            contents.stale.append(&mut transaction.changed_data);
        }
        self.state.send_replace(State::Reloading);
        failed
    }

    /// Whether changes are refused.
    pub(super) fn is_refusing(&self) -> bool {
        self.contents().refusal.is_some()
    }

    /// The data to reload.
    pub(super) fn take_stale(&self) -> Vec<Weak<dyn Reload>> {
        std::mem::take(&mut self.contents().stale)
    }

    /// Notes that memory could not be reloaded.
    pub(super) fn mark_stale(&self, mut left: Vec<Weak<dyn Reload>>, reason: &Arc<str>) {
        let mut contents = self.contents();
        contents.stale.append(&mut left);
        self.state.send_replace(State::Stale(Arc::clone(reason)));
    }

    /// Lets requests read again, unless some data is still stale. Returns whether they may. Changes stay refused.
    pub(super) fn try_finish_reload(&self) -> bool {
        let contents = self.contents();
        if !contents.stale.is_empty() {
            return false;
        }
        self.state.send_replace(State::Refusing);
        true
    }

    /// Accepts changes again, unless some data is still stale. Returns whether it does.
    pub(super) fn try_resume_writes(&self) -> bool {
        let mut contents = self.contents();
        if !contents.stale.is_empty() {
            return false;
        }
        contents.refusal = None;
        self.state.send_replace(State::Writable);
        true
    }

    /// Fails every waiting request, as the writer has ended.
    pub(super) fn end(&self) {
        let mut contents = self.contents();
        contents.refusal = Some("the server is stopping".into());
        contents.is_closed = true;
        contents.transaction = Transaction::default();
        contents.probe = None;
        let reason = Arc::from("the server is stopping");
        self.state.send_replace(State::Stale(reason));
    }

    /// Ends the writer once it has written the queue.
    pub(super) fn close(&self) {
        self.contents().is_closing = true;
        self.wake.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::{Arc, Path, Reload, State, Tables, Transaction, WriteQueue};
    use crate::store::statement::Statement;

    fn finish(failed: [Transaction; 2], reason: &Arc<str>) {
        for transaction in failed {
            transaction.finish(Err(Arc::clone(reason)));
        }
    }

    #[derive(Debug)]
    struct Memory;

    impl Reload for Memory {
        fn key(&self) -> &'static str {
            "#1"
        }

        fn replace(&self, _: Tables) {}
    }

    #[tokio::test]
    async fn a_probe_is_answered_by_the_next_attempt() {
        let queue = Arc::new(WriteQueue::new(Path::new("mock.db")));
        let first = queue.append(vec![Statement::new("select 1")]).unwrap();
        let under_way = queue.next().await;
        let asks = Arc::clone(&queue);
        let asked = tokio::spawn(async move { asks.probe().await });
        while queue.contents().probe.is_none() {
            tokio::task::yield_now().await;
        }
        let full = Arc::from("it was full then");
        finish(queue.suspend(under_way.transaction, &full), &full);
        queue
            .committed(first)
            .await
            .expect_err("its transaction failed");
        let next = queue.next().await;
        next.probe
            .expect("it was asked for")
            .send_replace(Some(Ok(())));
        asked.await.expect("it ends").expect("it is not full now");
    }

    #[tokio::test]
    async fn change_accepted_before_a_failed_commit_is_reloaded_before_reads() {
        let queue = WriteQueue::new(Path::new("mock.db"));
        let full = Arc::from("full");
        finish(queue.suspend(Transaction::default(), &full), &full);
        assert!(queue.take_stale().is_empty() && queue.try_finish_reload());
        // It passed `wait_until_writable` before the commit failed, and waited for the lock of its data.
        let memory: Arc<dyn Reload> = Arc::new(Memory);
        let statements = vec![Statement::new("select 1")];
        let refused =
            queue.append_change(&Arc::downgrade(&memory), &mut Tables::default(), statements);
        refused.expect_err("refused");
        assert!(matches!(*queue.state.borrow(), State::Reloading));
        assert!(queue.next().await.probe.is_some(), "the writer is woken");
        assert!(!queue.try_finish_reload(), "the data is stale still");
        assert_eq!(queue.take_stale().len(), 1);
        assert!(queue.try_finish_reload());
        queue
            .wait_for_reload()
            .await
            .expect("memory is as the file");
    }

    #[tokio::test]
    async fn everything_queued_fails_with_a_failed_batch_and_nothing_is_queued_until_accepted() {
        let queue = WriteQueue::new(Path::new("mock.db"));
        let one = || vec![Statement::new("select 1")];
        let first = queue.append(one()).unwrap();
        let under_way = queue.next().await;
        let second = queue.append(one()).unwrap();
        let reason = Arc::from("full");
        finish(queue.suspend(under_way.transaction, &reason), &reason);
        for pending in [first, second] {
            queue.committed(pending).await.expect_err("refused");
        }
        queue.append(one()).expect_err("refused");
        assert!(queue.try_resume_writes());
        let third = queue.append(one()).unwrap();
        queue.next().await.transaction.finish(Ok(()));
        queue.committed(third).await.expect("committed");
    }
}
