//! The `spends` table: what apps have spent of users' buzz.

use crate::model::ledger::Spend;
use crate::model::workflow::Workflow;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;
use crate::store::columns::{amount, currency_named, integer};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::tables::grant_tables::UserClientFilter;
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// The most spends of a sandbox: each charge goes through those of its user and client.
pub(crate) const MAX_SPENDS: usize = 100_000;

/// Every spend of a sandbox, by user and client, with the workflow that it paid for.
#[derive(Debug, Default, Clone)]
pub(crate) struct SpendTable {
    pub(crate) by_user_and_client: HashMap<(UserId, ClientId), Vec<(String, Spend)>>,
    pub(crate) count: usize,
}

impl SpendTable {
    pub(crate) fn insert(
        &mut self,
        workflow: &str,
        user_and_client: (UserId, ClientId),
        spend: Spend,
    ) {
        let spends = self.by_user_and_client.entry(user_and_client).or_default();
        spends.push((workflow.to_owned(), spend));
        self.count += 1;
    }

    /// Removes the spends of a workflow.
    pub(crate) fn remove_of_workflow(
        &mut self,
        workflow: &str,
        user_and_client: &(UserId, ClientId),
    ) -> Vec<Spend> {
        let Some(spends) = self.by_user_and_client.get_mut(user_and_client) else {
            return Vec::new();
        };
        let removed = spends.extract_if(.., |(paid, _)| paid == workflow);
        let removed: Vec<Spend> = removed.map(|(_, spend)| spend).collect();
        self.count = self.count.saturating_sub(removed.len());
        removed
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Returns how many rows are removed.
    pub(crate) fn remove_matching(&mut self, filter: UserClientFilter<'_>) -> u64 {
        let mut removed = 0;
        self.by_user_and_client.retain(|(user, client), spends| {
            let goes = filter.matches(*user, client);
            removed += if goes { spends.len() } else { 0 };
            !goes
        });
        self.count = self.count.saturating_sub(removed);
        removed as u64
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows: Vec<SpendRow> = sqlx::query_as(
            "select workflow_id, user_id, client_id, currency, amount, spent_at, forgiven from spends
             where sandbox = ?",
        )
        .bind(key)
        .fetch_all(db)
        .await?;
        let mut spends = Self::default();
        for row in rows {
            let spend = Spend {
                currency: currency_named(&row.currency)?,
                amount: amount(row.amount)?,
                at: row.spent_at,
                is_before_reset: row.forgiven,
            };
            spends.insert(&row.workflow_id, (row.user_id, row.client_id), spend);
        }
        Ok(spends)
    }
}

#[derive(Debug, sqlx::FromRow)]
struct SpendRow {
    workflow_id: String,
    user_id: UserId,
    client_id: ClientId,
    currency: String,
    amount: i64,
    spent_at: Timestamp,
    forgiven: bool,
}

pub(crate) fn insert(key: &str, workflow: &Workflow, spend: &Spend) -> Statement {
    Statement::new(
        "insert or replace into spends
             (sandbox, workflow_id, currency, user_id, client_id, amount, spent_at, forgiven)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(&workflow.id)
    .bind(spend.currency.name())
    .bind(workflow.user_id)
    .bind(&workflow.client_id)
    .bind(integer(spend.amount))
    .bind(spend.at)
    .bind(spend.is_before_reset)
}

pub(crate) fn delete_of_workflow(key: &str, workflow: &str) -> Statement {
    Statement::new("delete from spends where sandbox = ? and workflow_id = ?")
        .bind(key)
        .bind(workflow)
}

pub(crate) fn mark_before_reset(key: &str, user: UserId, client: &ClientId) -> Statement {
    Statement::new(
        "update spends set forgiven = 1 where sandbox = ? and user_id = ? and client_id = ?",
    )
    .bind(key)
    .bind(user)
    .bind(client)
}
