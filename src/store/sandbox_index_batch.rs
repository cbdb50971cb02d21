//! The SQL statements of one change of the sandbox index.

use super::commit::PendingCommit;
use super::error::StoreError;
use super::file::DatabaseFile;
use super::sandbox_data::SandboxData;
use super::statement::Statement;
use super::tables::Tables;
use super::write_batch::WriteBatch;
use std::sync::Arc;

/// The statements of one change of the sandbox index; none without a file.
pub(super) struct SandboxIndexBatch {
    file: Option<Arc<DatabaseFile>>,
    statements: Vec<Statement>,
}

impl SandboxIndexBatch {
    pub(super) fn new(file: Option<Arc<DatabaseFile>>) -> Self {
        Self {
            file,
            statements: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, statement: impl FnOnce() -> Statement) {
        if self.file.is_some() {
            self.statements.push(statement());
        }
    }

    /// Creates data whose rows `fill` inserts.
    pub(super) fn create_data(
        &mut self,
        key: Arc<str>,
        fill: impl FnOnce(&mut Tables, &mut WriteBatch<'_>),
    ) -> Arc<SandboxData> {
        let mut tables = Tables::default();
        let mut rows = WriteBatch::new(&key, self.file.is_some());
        fill(&mut tables, &mut rows);
        self.statements.extend(rows.into_statements());
        SandboxData::new(key, tables, self.file.clone())
    }

    /// Queues the statements.
    pub(super) fn submit(self) -> Result<Option<PendingCommit>, StoreError> {
        match self.file {
            Some(file) if !self.statements.is_empty() => {
                file.queue.append(self.statements).map(Some)
            }
            _ => Ok(None),
        }
    }
}
