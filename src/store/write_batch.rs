//! The SQL statements of one change of a sandbox's data.

use super::statement::Statement;
use std::sync::Arc;

/// The statements of one change of a sandbox; none if there is no file.
pub(crate) struct WriteBatch<'a> {
    world: &'a Arc<str>,
    statements: Option<Vec<Statement>>,
}

impl<'a> WriteBatch<'a> {
    pub(crate) fn new(world: &'a Arc<str>, is_recorded: bool) -> Self {
        Self {
            world,
            statements: is_recorded.then(Vec::new),
        }
    }

    /// Adds the statement for the world's key.
    pub(crate) fn push(&mut self, statement: impl FnOnce(&Arc<str>) -> Statement) {
        if let Some(statements) = &mut self.statements {
            statements.push(statement(self.world));
        }
    }

    pub(crate) fn into_statements(self) -> Vec<Statement> {
        self.statements.unwrap_or_default()
    }
}
