//! Operations on consents.

use crate::model::consent::{Approval, Consent};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::consents::put;
use crate::store::tables::grant_tables::UserClientFilter;

/// A consent of a user for a client.
#[derive(Debug, Clone)]
pub(crate) struct StoredConsent {
    pub(crate) user: UserId,
    pub(crate) client: ClientId,
    pub(crate) consent: Consent,
    pub(crate) updated_at: Timestamp,
}

impl SandboxData {
    /// The consent of this user for this client.
    pub(crate) fn find_consent(&self, user: UserId, client: &ClientId) -> Option<Consent> {
        let tables = self.read();
        let found = tables.consents.0.get(&(user, client.clone()));
        found.map(|(consent, _)| consent.clone())
    }

    /// How many of the selected consents have a limit.
    pub(crate) fn count_limits(&self, filter: UserClientFilter<'_>) -> usize {
        let tables = self.read();
        let all = tables.consents.0.iter();
        let limited = all.filter(|((user, client), (consent, _))| {
            consent.buzz_limit.is_some() && filter.matches(*user, client)
        });
        limited.count()
    }

    /// The consents that the filter selects, by user and client.
    pub(crate) fn list_consents(&self, filter: UserClientFilter<'_>) -> Vec<StoredConsent> {
        let tables = self.read();
        let all = tables.consents.0.iter();
        let mut found: Vec<StoredConsent> = all
            .filter(|((user, client), _)| filter.matches(*user, client))
            .map(|((user, client), (consent, updated_at))| StoredConsent {
                user: *user,
                client: client.clone(),
                consent: consent.clone(),
                updated_at: *updated_at,
            })
            .collect();
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
            let user_and_client = (user, client.clone());
            tables.consents.check_room(&user_and_client)?;
            tables
                .consents
                .0
                .insert(user_and_client, (consent.clone(), now));
            batch.push(|key| put(key, user, client, consent, now));
            Ok(())
        })
        .await?
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
            let new = || {
                let consent = Consent {
                    scope: Scope::default(),
                    buzz_limit: None,
                };
                (consent, now)
            };
            let user_and_client = (user, client.clone());
            tables.consents.check_room(&user_and_client)?;
            let place = tables.consents.0.entry(user_and_client);
            let (consent, at) = place.or_insert_with(new);
            if let Some(scope) = approval.remember {
                consent.scope = scope;
            }
            if let Some(limit) = &approval.buzz_limit {
                consent.buzz_limit.clone_from(limit);
            }
            *at = now;
            batch.push(|key| put(key, user, client, consent, now));
            Ok(())
        })
        .await?
    }
}
