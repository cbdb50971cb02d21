//! The SQL statements of one change of the catalogue.

use super::commit::Pending;
use super::error::StoreError;
use super::sandbox_data::Rows;
use super::statement::Statement;
use super::tables::Tables;
use super::write_batch::Draft;
use super::write_queue::Log;
use std::sync::{Arc, RwLockReadGuard};

/// The statements of one change of the catalogue.
pub(super) struct Pen<'a> {
    log: Option<&'a Log>,
    statements: Vec<Statement>,
    /// Worlds that the statements copy. They stay locked until the statements are queued: the file must copy the rows that
    /// memory copies.
    copied: Vec<RwLockReadGuard<'a, Tables>>,
}

impl<'a> Pen<'a> {
    pub(super) fn new(log: Option<&'a Log>) -> Self {
        Self {
            log,
            statements: Vec::new(),
            copied: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, statement: impl FnOnce() -> Statement) {
        if self.log.is_some() {
            self.statements.push(statement());
        }
    }

    /// A draft for the first rows of a new world.
    pub(super) fn draft<'w>(&self, world: &'w Arc<str>) -> Draft<'w> {
        Draft::new(world, self.log.is_some())
    }

    pub(super) fn take(&mut self, draft: Draft<'_>) {
        self.statements.extend(draft.into_statements());
    }

    /// Copies a world's rows, and locks it until [`Pen::hand_in`].
    pub(super) fn copy(&mut self, world: &'a Rows) -> Tables {
        let tables = world.read();
        let copy = tables.clone();
        self.copied.push(tables);
        copy
    }

    /// Queues the statements.
    pub(super) fn hand_in(self) -> Result<Option<Pending>, StoreError> {
        match self.log {
            Some(log) if !self.statements.is_empty() => log.append(self.statements).map(Some),
            _ => Ok(None),
        }
    }
}
