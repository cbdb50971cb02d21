//! The `spends` table: what apps have spent of users' buzz. A charge is one transaction: of many at once, none sees
//! money or budgets that another is about to use up.

use sqlx::SqliteExecutor;

use super::accounts::{amount, currency_named, integer};
use super::{Store, StoreError, accounts, consents, workflows};
use crate::model::account::{Currency, Payment, split};
use crate::model::ledger::Spend;
use crate::model::workflow::Workflow;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;

/// A spend, and who spent whose buzz.
pub(crate) type Spent = (UserId, ClientId, Spend);

type Row = (UserId, ClientId, String, i64, Timestamp, bool);

/// The spends, oldest first, of these users and clients where they are given.
async fn list(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    (user, client): (Option<UserId>, Option<&str>),
) -> Result<Vec<Spent>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "select user_id, client_id, currency, amount, spent_at, forgiven from spends
         where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)
         order by user_id, client_id, spent_at, workflow_id, currency",
    )
    .bind(sandbox)
    .bind(user)
    .bind(client)
    .fetch_all(db)
    .await?;
    rows.into_iter().map(from_row).collect()
}

/// The spends of one app of one user's.
async fn of_grant(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    (user, client): (UserId, &ClientId),
) -> Result<Vec<Spend>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(
        "select user_id, client_id, currency, amount, spent_at, forgiven from spends
         where sandbox = ? and user_id = ? and client_id = ?",
    )
    .bind(sandbox)
    .bind(user)
    .bind(client)
    .fetch_all(db)
    .await?;
    let spend = |row| from_row(row).map(|(_, _, spend)| spend);
    rows.into_iter().map(spend).collect()
}

fn from_row((user, client, currency, sum, at, forgiven): Row) -> Result<Spent, StoreError> {
    let spend = Spend {
        currency: currency_named(&currency)?,
        amount: amount(sum)?,
        at,
        forgiven,
    };
    Ok((user, client, spend))
}

async fn insert(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    workflow: &Workflow,
    (payment, now): (Payment, Timestamp),
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into spends (sandbox, workflow_id, currency, user_id, client_id, amount, spent_at, forgiven)
         values (?, ?, ?, ?, ?, ?, ?, 0)",
    )
    .bind(sandbox)
    .bind(&workflow.id)
    .bind(payment.currency.name())
    .bind(workflow.user_id)
    .bind(&workflow.client_id)
    .bind(integer(payment.amount))
    .bind(now)
    .execute(db)
    .await?;
    Ok(())
}

impl Store {
    /// Takes a workflow's cost from its user's accounts and keeps the workflow, if there is enough on those that may
    /// pay and every budget has room for it. Whether it was so.
    pub(crate) async fn charge(
        &self,
        sandbox: &str,
        workflow: &Workflow,
        may_pay: &[Currency],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (user, grant) = (workflow.user_id, (workflow.user_id, &workflow.client_id));
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let accounts = accounts::of_user(&mut *tx, sandbox, user).await?;
        let Some(payments) = split(workflow.cost, may_pay, &accounts) else {
            return Ok(false);
        };
        if let Some(limit) = consents::limit(&mut *tx, sandbox, grant).await? {
            let spends = of_grant(&mut *tx, sandbox, grant).await?;
            if !limit.has_room(&spends, &payments, now) {
                return Ok(false);
            }
        }
        for payment in payments {
            accounts::take(&mut *tx, sandbox, user, payment).await?;
            insert(&mut *tx, sandbox, workflow, (payment, now)).await?;
        }
        workflows::insert(&mut *tx, sandbox, workflow).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// The spends, oldest first, of these users and clients where they are given.
    pub(crate) async fn list_spends(
        &self,
        sandbox: &str,
        whose: (Option<UserId>, Option<&str>),
    ) -> Result<Vec<Spent>, StoreError> {
        list(&self.pool, sandbox, whose).await
    }

    /// Forgets the spends of these users and clients, or all; the money is gone all the same. How many there were.
    pub(crate) async fn delete_spends(
        &self,
        sandbox: &str,
        (user, client): (Option<UserId>, Option<&str>),
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "delete from spends
             where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Lets absolute budgets count from now on: what was spent is no more theirs. How many spends that were.
    pub(crate) async fn forgive_spends(
        &self,
        sandbox: &str,
        (user, client): (UserId, &ClientId),
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "update spends set forgiven = 1
             where sandbox = ? and user_id = ? and client_id = ? and forgiven = 0",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
