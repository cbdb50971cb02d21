//! The `workflows` table: what apps have paid for.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::accounts::{amount, integer};
use super::draft::Draft;
use super::held::{Whose, is_meant, lost};
use super::rows::ROW_BYTES;
use super::statement::Statement;
use super::{Rows, Store, StoreError, from_json, to_json};
use crate::model::workflow::{Workflow, WorkflowChange, WorkflowPosition, WorkflowQuery};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// A sandbox with more workflows removes its oldest ones until half as many are left.
pub(super) const MAX_WORKFLOWS: usize = if cfg!(test) { 64 } else { 2000 };
const REMAINING_WORKFLOWS: usize = MAX_WORKFLOWS / 2;

/// A page of a list ends when its workflows have this many bytes, although more are asked for: answers that wait to be
/// read stay in memory.
const MAX_PAGE_BYTES: usize = 128 * 1024;

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
        let all = self.by_id.values();
        all.map(|(_, workflow)| ROW_BYTES + workflow.size_in_bytes())
            .sum()
    }

    /// A workflow of this user and this client.
    fn of_parties(
        &mut self,
        id: &str,
        (user, client): (UserId, &ClientId),
    ) -> Option<&mut Workflow> {
        let (_, workflow) = self.by_id.get_mut(id)?;
        let is_own = workflow.user_id == user && workflow.client_id == *client;
        is_own.then_some(workflow)
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
        let rows: Vec<Row> = sqlx::query_as(
            "select id, user_id, client_id, cost, steps, tags, metadata, submitted_at, finishes_at, canceled_at
             from workflows where sandbox = ? order by id",
        )
        .bind(world)
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
struct Row {
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

pub(super) fn insert(world: &str, workflow: &Workflow) -> Statement {
    Statement::new(
        "insert or replace into workflows
             (sandbox, id, user_id, client_id, cost, steps, tags, metadata, submitted_at, finishes_at, canceled_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(world)
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

    /// A page of the workflows of a user and a client, and where the next page begins, if there is one.
    pub(crate) fn list_workflows(
        &self,
        (user, client): (UserId, &ClientId),
        query: &WorkflowQuery,
    ) -> (Vec<Workflow>, Option<WorkflowPosition>) {
        let tables = self.read();
        let all = tables.workflows.by_id.values();
        let mut found: Vec<&Workflow> = all
            .map(|(_, workflow)| workflow)
            .filter(|one| one.user_id == user && one.client_id == *client && query.matches(one))
            .collect();
        let position = |workflow: &Workflow| (workflow.submitted_at, workflow.id.clone());
        found.sort_by(|one, other| {
            let order = (one.submitted_at, &one.id).cmp(&(other.submitted_at, &other.id));
            if query.is_ascending {
                order
            } else {
                order.reverse()
            }
        });
        let follows = |workflow: &&Workflow| {
            query.after.as_ref().is_none_or(|(at, id)| {
                let (this, last) = ((workflow.submitted_at, &workflow.id), (*at, id));
                if query.is_ascending {
                    this > last
                } else {
                    this < last
                }
            })
        };
        let mut following = found.into_iter().filter(follows);
        let (mut page, mut bytes) = (Vec::new(), 0);
        while page.len() < query.take && bytes < MAX_PAGE_BYTES {
            let Some(workflow) = following.next() else {
                return (page, None);
            };
            bytes += ROW_BYTES + workflow.size_in_bytes();
            page.push(workflow.clone());
        }
        let next = following.next().and(page.last()).map(position);
        (page, next)
    }
}

impl Store {
    /// Changes a workflow of a user and a client. One that is canceled while it runs is refunded. Whether there is one.
    pub(crate) async fn change_workflow(
        &self,
        world: &Rows,
        id: &str,
        parties: (UserId, &ClientId),
        (change, now): (WorkflowChange, Timestamp),
    ) -> Result<bool, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                let Some(workflow) = tables.workflows.of_parties(id, parties) else {
                    return false;
                };
                let cancels = change.cancels && workflow.completed_at(now).is_none();
                if cancels {
                    workflow.canceled_at = Some(now);
                }
                if let Some(tags) = change.tags {
                    workflow.tags = tags;
                }
                if let Some(metadata) = change.metadata {
                    workflow.metadata = metadata;
                }
                draft.note(|world| insert(world, workflow));
                if cancels {
                    tables.refund(id, parties, draft);
                }
                true
            })
            .kept()
            .await
    }

    /// Deletes a workflow of a user and a client. One that still runs is refunded. Whether there was one.
    pub(crate) async fn delete_workflow(
        &self,
        world: &Rows,
        id: &str,
        parties: (UserId, &ClientId),
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                let Some(workflow) = tables.workflows.of_parties(id, parties) else {
                    return false;
                };
                let is_running = workflow.completed_at(now).is_none();
                tables.workflows.by_id.remove(id);
                draft.note(|world| delete(world, &[id.to_owned()]));
                if is_running {
                    tables.refund(id, parties, draft);
                }
                true
            })
            .kept()
            .await
    }
}
