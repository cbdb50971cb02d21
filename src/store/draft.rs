//! The statements that one change collects for the database file before they are queued.

use std::sync::{Arc, RwLockReadGuard};

use super::log::{Log, Pending};
use super::rows::Tables;
use super::statement::Statement;
use super::{Rows, StoreError};

/// The statements of one change of a world; none if there is no file.
pub(super) struct Draft<'a> {
    world: &'a Arc<str>,
    statements: Option<Vec<Statement>>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(world: &'a Arc<str>, log: Option<&Log>) -> Self {
        Self {
            world,
            statements: log.map(|_| Vec::new()),
        }
    }

    /// Adds the statement for the world's key.
    pub(super) fn note(&mut self, statement: impl FnOnce(&Arc<str>) -> Statement) {
        if let Some(statements) = &mut self.statements {
            statements.push(statement(self.world));
        }
    }

    pub(super) fn into_statements(self) -> Vec<Statement> {
        self.statements.unwrap_or_default()
    }
}

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
        Draft::new(world, self.log)
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
