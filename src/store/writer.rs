//! The task that writes the database file: it commits everything queued since its last commit in one transaction.
//!
//! After a failed commit it reloads the data whose memory is ahead of the file. From then on each attempt that a request
//! asks for repeats what is left to reload and writes a page; once that succeeds, changes are accepted again.

use super::application_id::set_application_id;
use super::commit::Outcome;
use super::error::described;
use super::file_identity::FileIdentity;
use super::readers::Readers;
use super::statement::{Query, Statement, StatementBatcher};
use super::tables::Tables;
use super::write_queue::{Transaction, Work, WriteQueue};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use std::sync::Arc;

pub(super) struct Writer {
    pub(super) queue: Arc<WriteQueue>,
    pub(super) options: SqliteConnectOptions,
    /// None if the last attempt left it unusable.
    pub(super) connection: Option<SqliteConnection>,
    pub(super) readers: Arc<Readers>,
    pub(super) identity: FileIdentity,
}

impl Writer {
    /// Writes until the queue is closed.
    pub(super) async fn run(mut self) {
        let mut batcher = StatementBatcher::default();
        loop {
            let Work {
                transaction,
                probe,
                is_last,
            } = self.queue.next().await;
            // Another program's lock on the file must not delay the end.
            if is_last && transaction.statements.is_empty() {
                break;
            }
            let outcome = if self.queue.is_refusing() {
                self.recover().await
            } else {
                self.write(transaction, &mut batcher).await
            };
            if let Err(error) = &outcome {
                tracing::error!(%error, "the database cannot be written; the next change tries again");
            }
            if let Some(probe) = probe {
                probe.send_replace(Some(outcome));
            }
            if is_last {
                break;
            }
        }
        self.readers.close().await;
        // The content of a removed write-ahead log must reach the file.
        if self.identity.is_wal_replaced()
            && let Err(error) = self.checkpoint_wal().await
        {
            tracing::error!(%error, "changes are lost");
        }
        if let Some(connection) = self.connection
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database was not closed properly; the next start recovers it");
        }
    }

    /// Commits a transaction, or brings memory back to the file.
    async fn write(&mut self, transaction: Transaction, batcher: &mut StatementBatcher) -> Outcome {
        match self.commit(&transaction.statements, batcher).await {
            Ok(()) => {
                transaction.finish(Ok(()));
                Ok(())
            }
            Err(error) => {
                let failed = self.queue.suspend(transaction, &error);
                // Before any answer: a client that gets a 503 must find the data as it was.
                let _ = self.reload().await;
                for transaction in failed {
                    transaction.finish(Err(Arc::clone(&error)));
                }
                Err(error)
            }
        }
    }

    /// Reloads what is still stale and writes a page. Changes are accepted again if both succeed.
    async fn recover(&mut self) -> Outcome {
        loop {
            self.reload().await?;
            self.commit(&[], &mut StatementBatcher::default()).await?;
            if self.queue.try_resume_writes() {
                tracing::warn!("the database can be written again");
                return Ok(());
            }
        }
    }

    /// Runs the statements in one transaction. Without statements, it rewrites a page to find out whether the file is writable.
    async fn commit(
        &mut self,
        statements: &[Statement],
        batcher: &mut StatementBatcher,
    ) -> Outcome {
        self.identity.check()?;
        if self.connection.is_some() && self.identity.is_wal_replaced() {
            self.checkpoint_wal().await?;
        }
        let connection = self.connection().await?;
        let mut queries = batcher.queries(statements);
        if queries.is_empty() {
            // The value does not change, but the page is written.
            queries.push(Query::new(set_application_id()));
        }
        let Err(error) = transact(connection, queries).await else {
            self.identity.note();
            return Ok(());
        };
        // It fails if SQLite has rolled back by then.
        let _ = sqlx::query("rollback").execute(connection).await;
        Err(described(&error).into())
    }

    /// Replaces the tables of every sandbox whose memory is ahead of the file.
    async fn reload(&mut self) -> Outcome {
        loop {
            let mut stale = self.queue.take_stale();
            if stale.is_empty() {
                if self.queue.try_finish_reload() {
                    return Ok(());
                }
                continue;
            }
            while let Some(data) = stale.last() {
                if let Some(rows) = data.upgrade() {
                    match self.read(rows.key()).await {
                        Ok(tables) => rows.replace(tables),
                        Err(error) => {
                            self.queue.mark_stale(stale, &error);
                            return Err(error);
                        }
                    }
                }
                stale.pop();
            }
        }
    }

    /// Reads the committed rows of a sandbox.
    async fn read(&mut self, data: &str) -> Result<Tables, Arc<str>> {
        // A moved file can still be read.
        self.identity.check_content()?;
        let first = Self::read_by(self.connection().await?, data).await;
        if first.is_ok() {
            return first;
        }
        // The failed commit may have left the connection in any state; a new one has seen nothing of it.
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
        Self::read_by(self.connection().await?, data).await
    }

    async fn read_by(connection: &mut SqliteConnection, data: &str) -> Result<Tables, Arc<str>> {
        // BEGIN fails inside a transaction: nothing uncommitted is read.
        let begun = sqlx::query("begin").execute(&mut *connection).await;
        begun.map_err(|error| described(&error))?;
        let tables = Tables::read(connection, data).await;
        let ended = sqlx::query("rollback").execute(connection).await;
        ended.map_err(|error| described(&error))?;
        tables.map_err(|error| error.to_string().into())
    }

    async fn connection(&mut self) -> Result<&mut SqliteConnection, Arc<str>> {
        if self.connection.is_none() {
            // SQLite opens by name.
            self.identity.check()?;
            let opened = self.options.connect().await;
            self.connection = Some(opened.map_err(|error| described(&error))?);
            self.identity.note();
        }
        self.connection
            .as_mut()
            .ok_or_else(|| "it is not open".into())
    }

    /// Writes the content of a removed write-ahead log into the database file, and has the next connection begin a new one:
    /// SQLite would go on writing into the removed log, and a crash would lose it.
    async fn checkpoint_wal(&mut self) -> Outcome {
        let Some(connection) = &mut self.connection else {
            return Ok(());
        };
        // A connection that is opened by now would read the new log with the index of the old one.
        let paused = self.readers.pause().await;
        let saved: Result<(i64, i64, i64), _> = sqlx::query_as("pragma wal_checkpoint(truncate)")
            .fetch_one(connection)
            .await;
        let log = self.identity.log().display();
        match saved {
            Ok((0, ..)) => tracing::warn!(
                "{log} was removed, replaced or truncated while the server was running; its content was saved in time"
            ),
            Ok(_) => {
                return Err(format!(
                    "{log} was removed, replaced or truncated, and another program prevents saving its content; close that program"
                )
                .into());
            }
            Err(error) => {
                let reason = described(&error);
                return Err(format!(
                    "{log} was removed, replaced or truncated, and its content cannot be saved: {reason}"
                )
                .into());
            }
        }
        if let Some(connection) = self.connection.take() {
            let _ = connection.close().await;
        }
        drop(paused);
        Ok(())
    }
}

async fn transact(
    connection: &mut SqliteConnection,
    queries: Vec<Query>,
) -> Result<(), sqlx::Error> {
    // IMMEDIATE takes the lock now: no SQLITE_BUSY half-way.
    sqlx::query("begin immediate")
        .execute(&mut *connection)
        .await?;
    for Query { sql, values } in queries {
        sqlx::query_with(sql, values)
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("commit").execute(connection).await?;
    Ok(())
}
