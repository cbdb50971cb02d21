//! The SQL statements of one change of a sandbox's data.

use super::statement::Statement;
use std::sync::Arc;

/// The statements of one change of a sandbox; none without a file.
pub(crate) struct WriteBatch<'a> {
    key: &'a Arc<str>,
    statements: Option<Vec<Statement>>,
}

impl<'a> WriteBatch<'a> {
    pub(super) fn new(key: &'a Arc<str>, has_file: bool) -> Self {
        Self {
            key,
            statements: has_file.then(Vec::new),
        }
    }

    /// Adds a statement for the key of the data.
    pub(super) fn push(&mut self, statement: impl FnOnce(&Arc<str>) -> Statement) {
        if let Some(statements) = &mut self.statements {
            statements.push(statement(self.key));
        }
    }

    pub(super) fn into_statements(self) -> Vec<Statement> {
        self.statements.unwrap_or_default()
    }
}
