//! Operations on consents.

use crate::model::buzz::{Budget, BuzzLimit, MAX_BUDGETS};
use crate::model::consent::{Approval, Consent};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::consents::StoredConsent;
use crate::store::tables::grant_tables::UserClientFilter;

impl SandboxData {
    /// The consent of this user for this client.
    pub(crate) fn find_consent(&self, user: UserId, client: &ClientId) -> Option<Consent> {
        let tables = self.read();
        let found = tables.consents.get(&(user, client.clone()));
        found.map(|stored| stored.consent.clone())
    }

    /// How many of the selected consents have a limit.
    pub(crate) fn count_limits(&self, filter: UserClientFilter<'_>) -> usize {
        let tables = self.read();
        let all = tables.consents.matching(filter);
        all.filter(|(_, stored)| stored.consent.buzz_limit.is_some())
            .count()
    }

    /// The consents that the filter selects, by user and client.
    pub(crate) fn list_consents(&self, filter: UserClientFilter<'_>) -> Vec<StoredConsent> {
        let tables = self.read();
        let all = tables.consents.matching(filter);
        let mut found: Vec<StoredConsent> = all.map(|(_, stored)| stored.clone()).collect();
        drop(tables);
        found.sort_by(|one, other| (one.user, &one.client.0).cmp(&(other.user, &other.client.0)));
        found
    }

    /// Stores a consent in place of the earlier one. Errors: the table is full.
    pub(crate) async fn put_consent(
        &self,
        user: UserId,
        client: &ClientId,
        consent: &Consent,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.change(|tables, batch| {
            let stored = StoredConsent {
                user,
                client: client.clone(),
                consent: consent.clone(),
                updated_at: now,
            };
            tables.consents.put_consent(stored, batch)
        })
        .await?
    }

    /// Adds a budget to every consent, in one commit. A consent that has the budget, or as many as it may have, stays as it is.
    /// Returns how many consents have the budget now, and how many there are.
    pub(crate) async fn add_budget(
        &self,
        budget: &Budget,
        now: Timestamp,
    ) -> Result<(usize, usize), StoreError> {
        self.change(|tables, batch| {
            let all = tables.consents.len();
            let budgets = |stored: &StoredConsent| {
                let limit = stored.consent.buzz_limit.as_ref();
                limit.map_or_else(Vec::new, |limit| limit.0.clone())
            };
            let (limited, others): (Vec<_>, Vec<_>) = tables
                .consents
                .iter()
                .map(|(key, stored)| (key.clone(), budgets(stored)))
                .partition(|(_, budgets)| budgets.contains(budget));
            let mut count = limited.len();
            for (key, mut budgets) in others {
                if budgets.len() < MAX_BUDGETS {
                    budgets.push(budget.clone());
                    tables.consents.change(&key, batch, |stored| {
                        stored.consent.buzz_limit = Some(BuzzLimit(budgets));
                        stored.updated_at = now;
                    });
                    count += 1;
                }
            }
            (count, all)
        })
        .await
    }

    /// Stores the parts that an approval sets; the rest of an earlier consent stays, so that parallel approvals are not lost.
    /// Errors: the table is full.
    pub(crate) async fn approve_consent(
        &self,
        user: UserId,
        client: &ClientId,
        approval: &Approval,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.change(|tables, batch| {
            let before = tables.consents.get(&(user, client.clone()));
            let before = before.map(|stored| &stored.consent);
            let consent = Consent {
                scope: approval
                    .remember
                    .or(before.map(|before| before.scope))
                    .unwrap_or_default(),
                buzz_limit: match &approval.buzz_limit {
                    Some(limit) => limit.clone(),
                    None => before.and_then(|before| before.buzz_limit.clone()),
                },
            };
            let stored = StoredConsent {
                user,
                client: client.clone(),
                consent,
                updated_at: now,
            };
            tables.consents.put_consent(stored, batch)
        })
        .await?
    }
}
