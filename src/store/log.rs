//! What has memory done that the file has not? A queue of SQL statements, and whoever waits for theirs to be committed.
//! Many who wait share one transaction; who commits it is `writer.rs`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::StoreError;
use super::statement::Statement;

/// What a change of one world writes down for the file; nothing, where there is no file.
pub(super) struct Draft<'a> {
    world: &'a Arc<str>,
    statements: Option<Vec<Statement>>,
}

impl<'a> Draft<'a> {
    /// Nothing is written down where there is no file.
    pub(super) fn new(world: &'a Arc<str>, log: Option<&Log>) -> Self {
        Self {
            world,
            statements: log.map(|_| Vec::new()),
        }
    }

    /// Writes down what `statement` makes of the world's key.
    pub(super) fn note(&mut self, statement: impl FnOnce(&Arc<str>) -> Statement) {
        if let Some(statements) = &mut self.statements {
            statements.push(statement(self.world));
        }
    }

    pub(super) fn into_statements(self) -> Vec<Statement> {
        self.statements.unwrap_or_default()
    }
}

/// What a change of the catalogue writes down for the file.
pub(super) struct Pen<'a> {
    log: Option<&'a Log>,
    statements: Vec<Statement>,
    ticket: Ticket,
}

impl<'a> Pen<'a> {
    pub(super) fn new(log: Option<&'a Log>) -> Self {
        Self {
            log,
            statements: Vec::new(),
            ticket: 0,
        }
    }

    pub(super) fn note(&mut self, statement: impl FnOnce() -> Statement) {
        if self.log.is_some() {
            self.statements.push(statement());
        }
    }

    /// For what is written into a new world.
    pub(super) fn draft<'w>(&self, world: &'w Arc<str>) -> Draft<'w> {
        Draft::new(world, self.log)
    }

    pub(super) fn take(&mut self, draft: Draft<'_>) {
        self.statements.extend(draft.into_statements());
    }

    /// Puts into the queue what has been written so far. What comes back is to be waited for.
    pub(super) fn hand_in(&mut self) -> Ticket {
        if let Some(log) = self.log
            && !self.statements.is_empty()
        {
            self.ticket = log.append(std::mem::take(&mut self.statements));
        }
        self.ticket
    }
}

/// How many statements were written down before somebody, and theirs: what they wait for.
pub(super) type Ticket = u64;

/// The queue between memory and the file.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    queue: Mutex<Queue>,
    something: Notify,
    progress: watch::Sender<Progress>,
}

#[derive(Debug, Default)]
struct Queue {
    statements: Vec<Statement>,
    last: Ticket,
    /// Somebody wants to know whether writing works by now.
    tried_out: bool,
    /// How often the writer has set out.
    tries: u64,
    closing: bool,
}

/// How far the writer has come.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// All up to here is committed.
    kept: Ticket,
    /// How often it has come back.
    tries: u64,
    /// Why the last try came to nothing, and how far it would have come.
    failure: Option<(Ticket, Arc<str>)>,
    /// There will be no other try.
    over: bool,
}

/// What the writer is to do next.
pub(super) struct Work {
    pub(super) statements: Vec<Statement>,
    pub(super) last: Ticket,
    /// Nobody writes anything down after this.
    pub(super) closing: bool,
}

impl Log {
    pub(super) fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            queue: Mutex::default(),
            something: Notify::new(),
            progress: watch::Sender::default(),
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
        self.unwritable("it is closed".into())
    }

    /// Comes back when changes can be kept, as far as is known: while the disk is full, nothing more is changed in
    /// memory, so that what waits to be written stays small.
    pub(super) async fn admit(&self) -> Result<(), StoreError> {
        if self.progress.borrow().failure.is_none() {
            return Ok(());
        }
        self.try_out().await
    }

    /// Has the writer try, whether there is anything to write or not.
    pub(super) async fn try_out(&self) -> Result<(), StoreError> {
        let mut progress = self.progress.subscribe();
        let wanted = {
            let mut queue = self.queue();
            queue.tried_out = true;
            // A try that is under way may have met what is mended by now: only one that sets out later tells.
            queue.tries + 1
        };
        self.something.notify_one();
        let tried = progress
            .wait_for(|progress| progress.tries >= wanted || progress.over)
            .await
            .map_err(|_| self.closed())?;
        match &tried.failure {
            _ if tried.tries < wanted => Err(self.closed()),
            None => Ok(()),
            Some((_, why)) => Err(self.unwritable(Arc::clone(why))),
        }
    }

    /// Writes statements down. What comes back is to be waited for with [`Log::kept`].
    pub(super) fn append(&self, statements: Vec<Statement>) -> Ticket {
        if statements.is_empty() {
            return 0;
        }
        let mut queue = self.queue();
        queue.last += statements.len() as u64;
        queue.statements.extend(statements);
        let last = queue.last;
        drop(queue);
        self.something.notify_one();
        last
    }

    /// Comes back when all up to this is committed, or has failed to be.
    pub(super) async fn kept(&self, ticket: Ticket) -> Result<(), StoreError> {
        let mut progress = self.progress.subscribe();
        let settled = progress
            .wait_for(|progress| {
                let failed = progress.failure.as_ref();
                let is_settled = failed.is_some_and(|(until, _)| *until >= ticket);
                progress.kept >= ticket || is_settled || progress.over
            })
            .await
            .map_err(|_| self.closed())?;
        match &settled.failure {
            _ if settled.kept >= ticket => Ok(()),
            Some((_, why)) => Err(self.unwritable(Arc::clone(why))),
            None => Err(self.closed()),
        }
    }

    /// Whether the writer has taken all that was written down.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.queue().statements.is_empty()
    }

    /// Waits for something to do.
    pub(super) async fn work(&self) -> Work {
        loop {
            // Whoever else has something to write down just now shares the transaction.
            tokio::task::yield_now().await;
            {
                let mut queue = self.queue();
                if !queue.statements.is_empty() || queue.tried_out || queue.closing {
                    queue.tried_out = false;
                    queue.tries += 1;
                    return Work {
                        statements: std::mem::take(&mut queue.statements),
                        last: queue.last,
                        closing: queue.closing,
                    };
                }
            }
            self.something.notified().await;
        }
    }

    /// Tells those who wait what came of a try.
    pub(super) fn tell(&self, last: Ticket, outcome: Result<(), Arc<str>>) {
        self.progress.send_modify(|progress| {
            progress.tries += 1;
            match outcome {
                Ok(()) => {
                    progress.kept = last;
                    progress.failure = None;
                }
                Err(why) => progress.failure = Some((last, why)),
            }
        });
    }

    /// Says that nobody writes any more, however that came about.
    pub(super) fn end(&self) {
        self.progress.send_modify(|progress| progress.over = true);
    }

    /// Has the writer end once it has written what there is.
    pub(super) fn close(&self) {
        self.queue().closing = true;
        self.something.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::super::statement::Statement;
    use super::{Arc, Log, Path};

    #[tokio::test]
    async fn a_try_under_way_is_no_answer_to_who_asks_now() {
        let log = Arc::new(Log::new(Path::new("mock.db")));
        log.append(vec![Statement::new("select 1")]);
        let under_way = log.work().await;
        let asks = Arc::clone(&log);
        let asked = tokio::spawn(async move { asks.try_out().await });
        while !log.queue().tried_out {
            tokio::task::yield_now().await;
        }
        log.tell(under_way.last, Err("it was full then".into()));
        let next = log.work().await;
        log.tell(next.last, Ok(()));
        asked.await.expect("it ends").expect("it is not full now");
    }
}
