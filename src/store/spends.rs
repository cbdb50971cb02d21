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
use crate::store::tables::spends::{MAX_SPENDS, StoredSpend};

impl SandboxData {
    /// The spends that the filter selects, by user and client, oldest first.
    pub(crate) fn list_spends(&self, filter: UserClientFilter<'_>) -> Vec<StoredSpend> {
        let tables = self.read();
        let all = tables.spends.matching(filter);
        let mut found: Vec<(String, StoredSpend)> = all
            .map(|((workflow, _), stored)| (workflow.clone(), stored.clone()))
            .collect();
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
                let count = tables.spends.len() + others;
                check_room(count, MAX_SPENDS, "spends in this sandbox")?;
            }
            for payment in payments {
                let spend = Spend {
                    currency: payment.currency,
                    amount: payment.amount,
                    at: now,
                    is_before_reset: false,
                };
                let stored = StoredSpend {
                    user,
                    client: client.clone(),
                    spend,
                };
                let key = (workflow.id.clone(), payment.currency);
                tables.spends.put(key, stored, batch);
                tables.accounts.take(user, payment, batch);
            }
            tables.workflows.add(workflow.clone(), batch);
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
            let reset = tables.spends.mark_before_reset(user, client, batch);
            reset as u64
        })
        .await
    }
}
