//! Operations on spends. One lock covers a charge, so that parallel charges cannot exceed a balance or a budget together.

use crate::model::account::{Currency, split};
use crate::model::ledger::{LimitWithPeriods, Spend};
use crate::model::workflow::Workflow;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::grant_tables::UserClientFilter;
use crate::store::tables::spends::{MAX_SPENDS, insert, mark_before_reset};
use crate::store::tables::workflows;

/// A spend of a user's buzz by a client.
#[derive(Debug, Clone)]
pub(crate) struct StoredSpend {
    pub(crate) user: UserId,
    pub(crate) client: ClientId,
    pub(crate) spend: Spend,
}

impl SandboxData {
    /// The spends that the filter selects, by user and client, oldest first.
    pub(crate) fn list_spends(&self, filter: UserClientFilter<'_>) -> Vec<StoredSpend> {
        let tables = self.read();
        let all = tables.spends.by_user_and_client.iter();
        let meant = all.filter(|((user, client), _)| filter.matches(*user, client));
        let mut found = Vec::new();
        for ((user, client), spends) in meant {
            for (workflow, spend) in spends {
                let stored = StoredSpend {
                    user: *user,
                    client: client.clone(),
                    spend: *spend,
                };
                found.push((workflow.clone(), stored));
            }
        }
        drop(tables);
        found.sort_by(|(workflow, stored), (other_workflow, other)| {
            let (spend, other_spend) = (&stored.spend, &other.spend);
            let by_client = stored.client.0.cmp(&other.client.0);
            let by_currency = || spend.currency.name().cmp(other_spend.currency.name());
            (stored.user.cmp(&other.user))
                .then(by_client)
                .then(spend.at.cmp(&other_spend.at))
                .then_with(|| workflow.cmp(other_workflow))
                .then_with(by_currency)
        });
        found.into_iter().map(|(_, stored)| stored).collect()
    }

    /// Takes a workflow's cost from its user's accounts and stores the workflow, if the accounts of the currencies that may
    /// pay have enough and every budget has room for it. Returns whether this is so. Errors: the table of spends is full.
    pub(crate) async fn charge(
        &self,
        workflow: &Workflow,
        may_pay: &[Currency],
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (user, client) = (workflow.user_id, &workflow.client_id);
        let limit = self.read().consents.limit(user, client).cloned();
        let prepared = limit.map(|limit| LimitWithPeriods::new(limit, now));
        self.change(|tables, batch| {
            let accounts = tables.accounts.list(user);
            let Some(payments) = split(workflow.cost, may_pay, &accounts) else {
                return Ok(false);
            };
            if !tables.fits_every_budget(user, client, prepared, &payments, now) {
                return Ok(false);
            }
            // A free workflow adds none.
            if let Some(others) = payments.len().checked_sub(1) {
                let count = tables.spends.count + others;
                check_room(count, MAX_SPENDS, "spends in this sandbox")?;
            }
            for payment in payments {
                let spend = Spend {
                    currency: payment.currency,
                    amount: payment.amount,
                    at: now,
                    is_before_reset: false,
                };
                tables.accounts.take(user, payment);
                let user_and_client = (user, client.clone());
                tables.spends.insert(&workflow.id, user_and_client, spend);
                batch.push(|key| insert(key, workflow, &spend));
            }
            tables.accounts.save(user, batch);
            batch.push(|key| workflows::insert(key, workflow));
            tables.workflows.insert(workflow.clone());
            tables.workflows.remove_oldest(batch);
            Ok(true)
        })
        .await?
    }

    /// Resets absolute budgets: they no longer count earlier spends. Returns how many spends that were.
    pub(crate) async fn reset_absolute_budgets(
        &self,
        user: UserId,
        client: &ClientId,
    ) -> Result<u64, StoreError> {
        self.change(|tables, batch| {
            let mut reset = 0;
            let spends = tables
                .spends
                .by_user_and_client
                .get_mut(&(user, client.clone()));
            for (_, spend) in spends.into_iter().flatten() {
                reset += u64::from(!spend.is_before_reset);
                spend.is_before_reset = true;
            }
            batch.push(|key| mark_before_reset(key, user, client));
            reset
        })
        .await
    }
}
