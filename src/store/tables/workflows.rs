//! The `workflows` table: workflows that apps have paid for.

use crate::model::workflow::Workflow;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;
use crate::store::columns::{ROW_BYTES, amount, from_json, integer, to_json};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::tables::grant_tables::{UserClientFilter, retain_counting};
use crate::store::write_batch::WriteBatch;
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// A sandbox with more workflows removes its oldest ones until half as many are left.
pub(crate) const MAX_WORKFLOWS: usize = if cfg!(test) { 64 } else { 2000 };

const REMAINING_WORKFLOWS: usize = MAX_WORKFLOWS / 2;

/// Every workflow of a sandbox.
#[derive(Debug, Default, Clone)]
pub(crate) struct WorkflowTable {
    pub(crate) by_id: HashMap<String, (u64, Workflow)>,
    /// The number of the newest one. After a restart, ids are in the order in which workflows were submitted.
    last: u64,
}

impl WorkflowTable {
    pub(crate) fn insert(&mut self, workflow: Workflow) {
        self.last += 1;
        self.by_id
            .insert(workflow.id.clone(), (self.last, workflow));
    }

    pub(crate) fn size_in_bytes(&self) -> usize {
        let all = self.by_id.values();
        all.map(|(_, workflow)| ROW_BYTES + workflow.size_in_bytes())
            .sum()
    }

    /// A workflow of this user and this client.
    pub(crate) fn find_own(
        &mut self,
        id: &str,
        user: UserId,
        client: &ClientId,
    ) -> Option<&mut Workflow> {
        let (_, workflow) = self.by_id.get_mut(id)?;
        let is_own = workflow.user_id == user && workflow.client_id == *client;
        is_own.then_some(workflow)
    }

    /// Removes the oldest ones if there are too many. What was spent for them stays in `spends`.
    pub(crate) fn remove_oldest(&mut self, batch: &mut WriteBatch<'_>) {
        if self.by_id.len() <= MAX_WORKFLOWS {
            return;
        }
        let mut numbers: Vec<u64> = self.by_id.values().map(|(number, _)| *number).collect();
        numbers.sort_unstable_by(|one, other| other.cmp(one));
        let Some(oldest) = numbers.get(REMAINING_WORKFLOWS - 1).copied() else {
            return;
        };
        let removed = self.by_id.extract_if(|_, (number, _)| *number < oldest);
        let removed: Vec<String> = removed.map(|(id, _)| id).collect();
        batch.push(|key| delete(key, &removed));
    }

    /// Returns how many rows are removed.
    pub(crate) fn remove_matching(&mut self, filter: UserClientFilter<'_>) -> u64 {
        retain_counting(&mut self.by_id, |_, (_, workflow)| {
            !filter.matches(workflow.user_id, &workflow.client_id)
        })
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows: Vec<WorkflowRow> = sqlx::query_as(
            "select id, user_id, client_id, cost, steps, tags, metadata, submitted_at, finishes_at, canceled_at
             from workflows where sandbox = ? order by id",
        )
        .bind(key)
        .fetch_all(db)
        .await?;
        let mut workflows = Self::default();
        for row in rows {
            workflows.insert(Workflow {
                id: row.id,
                user_id: row.user_id,
                client_id: row.client_id,
                cost: amount(row.cost)?,
                steps: from_json("workflow", &row.steps)?,
                tags: from_json("tags of a workflow", &row.tags)?,
                metadata: row.metadata,
                submitted_at: row.submitted_at,
                finishes_at: row.finishes_at,
                canceled_at: row.canceled_at,
            });
        }
        Ok(workflows)
    }
}

#[derive(Debug, sqlx::FromRow)]
struct WorkflowRow {
    id: String,
    user_id: UserId,
    client_id: ClientId,
    cost: i64,
    steps: String,
    tags: String,
    metadata: String,
    submitted_at: Timestamp,
    finishes_at: Timestamp,
    canceled_at: Option<Timestamp>,
}

pub(crate) fn insert(key: &str, workflow: &Workflow) -> Statement {
    Statement::new(
        "insert or replace into workflows
             (sandbox, id, user_id, client_id, cost, steps, tags, metadata, submitted_at, finishes_at, canceled_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(&workflow.id)
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

pub(crate) fn delete(key: &str, ids: &[String]) -> Statement {
    Statement::new(
        "delete from workflows where sandbox = ? and id in (select value from json_each(?))",
    )
    .bind(key)
    .bind(serde_json::json!(ids).to_string())
}
