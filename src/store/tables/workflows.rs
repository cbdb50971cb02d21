//! The `workflows` table: workflows that apps have paid for.

use super::grant_tables::UserClientFilter;
use super::sql::{TableSql, table_sql};
use super::table::{GrantRow, Row, Table};
use crate::model::workflow::Workflow;
use crate::protocol::ids::{ClientId, UserId};
use crate::store::columns::{ROW_BYTES, amount, from_json, integer, to_json};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// A sandbox with more workflows removes its oldest ones until half as many are left.
pub(crate) const MAX_WORKFLOWS: usize = if cfg!(test) { 64 } else { 2000 };

const REMAINING_WORKFLOWS: usize = MAX_WORKFLOWS / 2;

/// A workflow, and its number among those submitted since the start, in the order of submission. The number of an earlier
/// one is 0: ids are in the order of submission, unless the clock was moved back.
#[derive(Debug, Clone)]
pub(crate) struct StoredWorkflow {
    number: i64,
    pub(crate) workflow: Workflow,
}

impl Row for StoredWorkflow {
    type Key = String;
    type Index = ();

    const SQL: TableSql = table_sql!(
        "workflows",
        key: "id" = "?",
        columns: "user_id, client_id, cost, steps, tags, metadata, submitted_at, finishes_at, canceled_at"
            = "?, ?, ?, ?, ?, ?, ?, ?, ?",
        // In memory a step takes more than its names.
        bytes: "256 + 2 * (octet_length(steps) + octet_length(tags)) + octet_length(metadata)"
    );

    fn number(&self) -> i64 {
        self.number
    }

    fn size_in_bytes(&self) -> usize {
        ROW_BYTES + self.workflow.size_in_bytes()
    }

    fn bind_key(&self, id: &String, statement: Statement) -> Statement {
        statement.bind(id)
    }

    fn bind_columns(&self, _: &String, statement: Statement) -> Statement {
        let workflow = &self.workflow;
        statement
            .bind(workflow.user_id)
            .bind(&workflow.client_id)
            .bind(integer(workflow.cost))
            .bind(to_json(&workflow.steps))
            .bind(to_json(&workflow.tags))
            .bind(&workflow.metadata)
            .bind(workflow.submitted_at)
            .bind(workflow.finishes_at)
            .bind(workflow.canceled_at)
    }

    fn read(row: &SqliteRow) -> Result<(String, Self), StoreError> {
        let workflow = Workflow {
            id: row.try_get("id")?,
            user_id: row.try_get("user_id")?,
            client_id: row.try_get("client_id")?,
            cost: amount(row, "cost")?,
            steps: from_json("workflow", row.try_get("steps")?)?,
            tags: from_json("tags of a workflow", row.try_get("tags")?)?,
            metadata: row.try_get("metadata")?,
            submitted_at: row.try_get("submitted_at")?,
            finishes_at: row.try_get("finishes_at")?,
            canceled_at: row.try_get("canceled_at")?,
        };
        let number = 0;
        Ok((workflow.id.clone(), Self { number, workflow }))
    }
}

impl GrantRow for StoredWorkflow {
    fn matches(&self, filter: UserClientFilter<'_>) -> bool {
        filter.matches(self.workflow.user_id, &self.workflow.client_id)
    }
}

impl Table<StoredWorkflow> {
    /// Adds a workflow, and removes the oldest ones if there are too many. What was spent for them stays in `spends`.
    pub(crate) fn add(&mut self, workflow: Workflow, batch: &mut WriteBatch<'_>) {
        let number = self.number_for(&workflow.id);
        let id = workflow.id.clone();
        self.put(id, StoredWorkflow { number, workflow }, batch);
        if self.len() <= MAX_WORKFLOWS {
            return;
        }
        let all = self.iter().map(|(id, stored)| (stored.number, id.clone()));
        let mut newest: Vec<(i64, String)> = all.collect();
        newest.sort_unstable_by(|one, other| other.cmp(one));
        for (_, id) in newest.drain(REMAINING_WORKFLOWS..) {
            self.remove(&id, batch);
        }
    }

    /// A workflow of this user and this client.
    pub(crate) fn find_own(&self, id: &str, user: UserId, client: &ClientId) -> Option<&Workflow> {
        let workflow = &self.get(id)?.workflow;
        let is_own = workflow.user_id == user && workflow.client_id == *client;
        is_own.then_some(workflow)
    }
}
