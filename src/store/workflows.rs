//! The `workflows` table: what apps have paid for.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::accounts::{amount, integer};
use super::draft::Draft;
use super::held::{Whose, is_meant, lost};
use super::rows::ROW_BYTES;
use super::statement::Statement;
use super::{Rows, StoreError, from_json, to_json};
use crate::model::workflow::{Step, Workflow};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// A sandbox with more workflows removes its oldest ones until half as many are left.
pub(super) const MAX_WORKFLOWS: usize = if cfg!(test) { 64 } else { 2000 };
const REMAINING_WORKFLOWS: usize = MAX_WORKFLOWS / 2;

/// Every workflow of a world.
#[derive(Debug, Default, Clone)]
pub(super) struct Workflows {
    by_id: HashMap<String, (u64, Workflow)>,
    /// The number of the newest one. After a restart, ids are in the order in which workflows were submitted.
    last: u64,
}

impl Workflows {
    pub(super) fn insert(&mut self, workflow: Workflow) {
        self.last += 1;
        self.by_id
            .insert(workflow.id.clone(), (self.last, workflow));
    }

    pub(super) fn size_in_bytes(&self) -> usize {
        let steps = |workflow: &Workflow| {
            let steps = workflow.steps.iter();
            let bytes = steps.map(|step| size_of::<Step>() + step.kind.len() + step.name.len());
            bytes.sum::<usize>()
        };
        let all = self.by_id.values();
        all.map(|(_, workflow)| ROW_BYTES + steps(workflow)).sum()
    }

    /// Removes the oldest ones if there are too many. What was spent for them stays in `spends`.
    pub(super) fn remove_oldest(&mut self, draft: &mut Draft<'_>) {
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
        draft.note(|world| delete(world, &removed));
    }

    /// How many there were.
    pub(super) fn remove_of(&mut self, whose: Whose<'_>) -> u64 {
        lost(&mut self.by_id, |_, (_, workflow)| {
            !is_meant(whose, workflow.user_id, &workflow.client_id)
        })
    }

    /// What the file has of a world.
    pub(super) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let rows: Vec<(String, UserId, ClientId, i64, String, Timestamp)> = sqlx::query_as(
            "select id, user_id, client_id, cost, steps, finishes_at from workflows where sandbox = ?
             order by id",
        )
        .bind(world)
        .fetch_all(db)
        .await?;
        let mut workflows = Self::default();
        for (id, user_id, client_id, cost, steps, finishes_at) in rows {
            workflows.insert(Workflow {
                id,
                user_id,
                client_id,
                cost: amount(cost)?,
                steps: from_json("workflow", &steps)?,
                finishes_at,
            });
        }
        Ok(workflows)
    }
}

pub(super) fn insert(world: &str, workflow: &Workflow) -> Statement {
    Statement::new(
        "insert or replace into workflows (sandbox, id, user_id, client_id, cost, steps, finishes_at)
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(world)
    .bind(&workflow.id)
    .bind(workflow.user_id)
    .bind(&workflow.client_id)
    .bind(integer(workflow.cost))
    .bind(to_json(&workflow.steps))
    .bind(workflow.finishes_at)
}

fn delete(world: &str, ids: &[String]) -> Statement {
    Statement::new(
        "delete from workflows where sandbox = ? and id in (select value from json_each(?))",
    )
    .bind(world)
    .bind(serde_json::json!(ids).to_string())
}

impl Rows {
    /// A workflow by id, whoever's it is.
    pub(crate) fn find_workflow(&self, id: &str) -> Option<Workflow> {
        let tables = self.read();
        tables
            .workflows
            .by_id
            .get(id)
            .map(|(_, workflow)| workflow.clone())
    }
}
