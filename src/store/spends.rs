//! The `spends` table: what apps have spent of users' buzz. A charge is made under one lock: of many at once, none sees
//! money or budgets that another is about to use up.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::accounts::{amount, currency_named, integer};
use super::draft::Draft;
use super::held::{Whose, is_meant};
use super::rows::Tables;
use super::statement::Statement;
use super::{Rows, Store, StoreError, full, workflows};
use crate::model::account::{Currency, Payment, split};
use crate::model::ledger::{DatedLimit, Spend};
use crate::model::workflow::Workflow;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// The most spends of a sandbox: each charge goes through those of its user and client.
const MAX_SPENDS: usize = 100_000;

/// A spend, and who spent whose buzz.
pub(crate) type Spent = (UserId, ClientId, Spend);

/// Every spend of a world, by user and client, with the workflow that it paid for.
#[derive(Debug, Default, Clone)]
pub(super) struct Spends {
    by_parties: HashMap<(UserId, ClientId), Vec<(String, Spend)>>,
    count: usize,
}

impl Spends {
    fn insert(&mut self, workflow: &str, parties: (UserId, ClientId), spend: Spend) {
        let spends = self.by_parties.entry(parties).or_default();
        spends.push((workflow.to_owned(), spend));
        self.count += 1;
    }

    /// Removes what a workflow was paid with.
    fn remove_of_workflow(&mut self, workflow: &str, parties: &(UserId, ClientId)) -> Vec<Spend> {
        let Some(spends) = self.by_parties.get_mut(parties) else {
            return Vec::new();
        };
        let removed = spends.extract_if(.., |(paid, _)| paid == workflow);
        let removed: Vec<Spend> = removed.map(|(_, spend)| spend).collect();
        self.count = self.count.saturating_sub(removed.len());
        removed
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How many there were.
    pub(super) fn remove_of(&mut self, whose: Whose<'_>) -> u64 {
        let mut removed = 0;
        self.by_parties.retain(|(user, client), spends| {
            let goes = is_meant(whose, *user, client);
            removed += if goes { spends.len() } else { 0 };
            !goes
        });
        self.count = self.count.saturating_sub(removed);
        removed as u64
    }

    /// What the file has of a world.
    pub(super) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select workflow_id, user_id, client_id, currency, amount, spent_at, forgiven from spends
             where sandbox = ?",
        )
        .bind(world)
        .fetch_all(db)
        .await?;
        let mut spends = Self::default();
        for row in rows {
            let spend = Spend {
                currency: currency_named(&row.currency)?,
                amount: amount(row.amount)?,
                at: row.spent_at,
                forgiven: row.forgiven,
            };
            spends.insert(&row.workflow_id, (row.user_id, row.client_id), spend);
        }
        Ok(spends)
    }
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
    workflow_id: String,
    user_id: UserId,
    client_id: ClientId,
    currency: String,
    amount: i64,
    spent_at: Timestamp,
    forgiven: bool,
}

fn insert(world: &str, workflow: &Workflow, spend: &Spend) -> Statement {
    Statement::new(
        "insert or replace into spends
             (sandbox, workflow_id, currency, user_id, client_id, amount, spent_at, forgiven)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(world)
    .bind(&workflow.id)
    .bind(spend.currency.name())
    .bind(workflow.user_id)
    .bind(&workflow.client_id)
    .bind(integer(spend.amount))
    .bind(spend.at)
    .bind(spend.forgiven)
}

fn delete_of_workflow(world: &str, workflow: &str) -> Statement {
    Statement::new("delete from spends where sandbox = ? and workflow_id = ?")
        .bind(world)
        .bind(workflow)
}

fn forgive(world: &str, user: UserId, client: &ClientId) -> Statement {
    Statement::new(
        "update spends set forgiven = 1 where sandbox = ? and user_id = ? and client_id = ?",
    )
    .bind(world)
    .bind(user)
    .bind(client)
}

/// The place of a spend in a list.
fn order(
    (workflow, (user, client, spend)): &(String, Spent),
) -> (UserId, &str, Timestamp, &str, &str) {
    (*user, &client.0, spend.at, workflow, spend.currency.name())
}

impl Rows {
    /// The spends, oldest first, of these users and clients where they are given.
    pub(crate) fn list_spends(&self, whose: Whose<'_>) -> Vec<Spent> {
        let tables = self.read();
        let all = tables.spends.by_parties.iter();
        let meant = all.filter(|((user, client), _)| is_meant(whose, *user, client));
        let mut found = Vec::new();
        for ((user, client), spends) in meant {
            for (workflow, spend) in spends {
                found.push((workflow.clone(), (*user, client.clone(), *spend)));
            }
        }
        drop(tables);
        found.sort_by(|one, other| order(one).cmp(&order(other)));
        found.into_iter().map(|(_, spent)| spent).collect()
    }
}

impl Tables {
    /// Whether every budget of a user and a client has room for these amounts. `prepared` counts unless the limit has
    /// changed since.
    fn has_room(
        &self,
        (user, client): (UserId, &ClientId),
        prepared: Option<DatedLimit>,
        payments: &[Payment],
        now: Timestamp,
    ) -> bool {
        let Some(limit) = self.consents.limit(user, client) else {
            return true;
        };
        let prepared = prepared.filter(|prepared| prepared.is_of(limit));
        let limit = prepared.unwrap_or_else(|| DatedLimit::new(limit.clone(), now));
        let spends = self.spends.by_parties.get(&(user, client.clone()));
        let spends = spends.into_iter().flatten().map(|(_, spend)| spend);
        limit.has_room(&spends, payments)
    }
}

impl Tables {
    /// Gives back what a workflow was paid with. No budget counts it any more.
    pub(super) fn refund(
        &mut self,
        workflow: &str,
        (user, client): (UserId, &ClientId),
        draft: &mut Draft<'_>,
    ) {
        let parties = (user, client.clone());
        for spend in self.spends.remove_of_workflow(workflow, &parties) {
            self.accounts.give_back(user, spend.currency, spend.amount);
        }
        draft.note(|world| delete_of_workflow(world, workflow));
        self.accounts.note(user, draft);
    }
}

impl Store {
    /// Takes a workflow's cost from its user's accounts and keeps the workflow, if there is enough on those that may
    /// pay and every budget has room for it. Whether it was so. Errors: the sandbox has as many spends as it may have.
    pub(crate) async fn charge(
        &self,
        world: &Rows,
        workflow: &Workflow,
        may_pay: &[Currency],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (user, client) = (workflow.user_id, &workflow.client_id);
        let limit = world.read().consents.limit(user, client).cloned();
        let prepared = limit.map(|limit| DatedLimit::new(limit, now));
        self.leave()
            .await?
            .write(world, |tables, draft| {
                let accounts = tables.accounts.of(user);
                let Some(payments) = split(workflow.cost, may_pay, &accounts) else {
                    return Ok(false);
                };
                if !tables.has_room((user, client), prepared, &payments, now) {
                    return Ok(false);
                }
                // A free workflow adds none.
                if let Some(others) = payments.len().checked_sub(1) {
                    let count = tables.spends.count + others;
                    full(count, MAX_SPENDS, "spends in this sandbox")?;
                }
                for payment in payments {
                    let spend = Spend {
                        currency: payment.currency,
                        amount: payment.amount,
                        at: now,
                        forgiven: false,
                    };
                    tables.accounts.take(user, payment);
                    let parties = (user, client.clone());
                    tables.spends.insert(&workflow.id, parties, spend);
                    draft.note(|world| insert(world, workflow, &spend));
                }
                tables.accounts.note(user, draft);
                draft.note(|world| workflows::insert(world, workflow));
                tables.workflows.insert(workflow.clone());
                tables.workflows.remove_oldest(draft);
                Ok(true)
            })
            .kept()
            .await?
    }

    /// Lets absolute budgets count from now on: what was spent is no more theirs. How many spends that were.
    pub(crate) async fn forgive_spends(
        &self,
        world: &Rows,
        (user, client): (UserId, &ClientId),
    ) -> Result<u64, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                let mut forgiven = 0;
                let spends = tables.spends.by_parties.get_mut(&(user, client.clone()));
                for (_, spend) in spends.into_iter().flatten() {
                    forgiven += u64::from(!spend.forgiven);
                    spend.forgiven = true;
                }
                draft.note(|world| forgive(world, user, client));
                forgiven
            })
            .kept()
            .await
    }
}
