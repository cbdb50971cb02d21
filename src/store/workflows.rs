//! The `workflows` table: what apps have paid for.

use sqlx::SqliteExecutor;

use super::accounts::{amount, integer};
use super::{Store, StoreError, from_json, to_json};
use crate::model::workflow::Workflow;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

type Row = (String, UserId, ClientId, i64, String, Timestamp);

pub(super) async fn insert(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    workflow: &Workflow,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into workflows (sandbox, id, user_id, client_id, cost, steps, finishes_at)
         values (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(sandbox)
    .bind(&workflow.id)
    .bind(workflow.user_id)
    .bind(&workflow.client_id)
    .bind(integer(workflow.cost))
    .bind(to_json(&workflow.steps))
    .bind(workflow.finishes_at)
    .execute(db)
    .await?;
    Ok(())
}

impl Store {
    /// A workflow by id, whoever's it is.
    pub(crate) async fn find_workflow(
        &self,
        sandbox: &str,
        id: &str,
    ) -> Result<Option<Workflow>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "select id, user_id, client_id, cost, steps, finishes_at from workflows
             where sandbox = ? and id = ?",
        )
        .bind(sandbox)
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|(id, user_id, client_id, cost, steps, finishes_at)| {
            Ok(Workflow {
                id,
                user_id,
                client_id,
                cost: amount(cost)?,
                steps: from_json("workflow", &steps)?,
                finishes_at,
            })
        })
        .transpose()
    }
}
