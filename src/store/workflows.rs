//! The `workflows` table: what apps have paid for.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::accounts::{amount, integer};
use super::held::{Whose, is_meant, lost};
use super::statement::Statement;
use super::{Rows, StoreError, from_json, to_json};
use crate::model::workflow::Workflow;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// Every workflow of a world.
#[derive(Debug, Default, Clone)]
pub(super) struct Workflows(HashMap<String, Workflow>);

impl Workflows {
    pub(super) fn insert(&mut self, workflow: Workflow) {
        self.0.insert(workflow.id.clone(), workflow);
    }

    /// How many there were.
    pub(super) fn remove_of(&mut self, whose: Whose<'_>) -> u64 {
        lost(&mut self.0, |_, workflow| {
            !is_meant(whose, workflow.user_id, &workflow.client_id)
        })
    }

    /// What the file has of a world.
    pub(super) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let rows: Vec<(String, UserId, ClientId, i64, String, Timestamp)> = sqlx::query_as(
            "select id, user_id, client_id, cost, steps, finishes_at from workflows where sandbox = ?",
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

impl Rows {
    /// A workflow by id, whoever's it is.
    pub(crate) fn find_workflow(&self, id: &str) -> Option<Workflow> {
        self.read().workflows.0.get(id).cloned()
    }
}
