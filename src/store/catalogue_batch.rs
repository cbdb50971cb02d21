//! The SQL statements of one change of the catalogue.

use super::commit::PendingCommit;
use super::error::StoreError;
use super::sandbox_data::SandboxData;
use super::statement::Statement;
use super::tables::Tables;
use super::write_batch::WriteBatch;
use super::write_queue::WriteQueue;
use std::sync::{Arc, RwLockReadGuard};

/// The statements of one change of the catalogue.
pub(super) struct CatalogueBatch<'a> {
    queue: Option<&'a WriteQueue>,
    statements: Vec<Statement>,
    /// Tables that the statements copy. They stay locked until the statements are queued: the file must copy the rows that
    /// memory copies.
    copied: Vec<RwLockReadGuard<'a, Tables>>,
}

impl<'a> CatalogueBatch<'a> {
    pub(super) fn new(queue: Option<&'a WriteQueue>) -> Self {
        Self {
            queue,
            statements: Vec::new(),
            copied: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, statement: impl FnOnce() -> Statement) {
        if self.queue.is_some() {
            self.statements.push(statement());
        }
    }

    /// A batch for the first rows of new data.
    pub(super) fn for_new_data<'w>(&self, data: &'w Arc<str>) -> WriteBatch<'w> {
        WriteBatch::new(data, self.queue.is_some())
    }

    pub(super) fn append(&mut self, rows: WriteBatch<'_>) {
        self.statements.extend(rows.into_statements());
    }

    /// Copies a sandbox's rows, and locks it until [`CatalogueBatch::submit`].
    pub(super) fn copy(&mut self, data: &'a SandboxData) -> Tables {
        let tables = data.read();
        let copy = tables.clone();
        self.copied.push(tables);
        copy
    }

    /// Queues the statements.
    pub(super) fn submit(self) -> Result<Option<PendingCommit>, StoreError> {
        match self.queue {
            Some(queue) if !self.statements.is_empty() => queue.append(self.statements).map(Some),
            _ => Ok(None),
        }
    }
}
