//! Operations on consents.

use crate::model::consent::{Approval, Consent};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::consents::put;
use crate::store::tables::owner::OwnerKey;

/// A consent, who gave it to whom, and when.
pub(crate) type Given = (UserId, ClientId, Consent, Timestamp);

impl SandboxData {
    /// What this user allows this client.
    pub(crate) fn find_consent(&self, user: UserId, client: &ClientId) -> Option<Consent> {
        let tables = self.read();
        let found = tables.consents.0.get(&(user, client.clone()));
        found.map(|(consent, _)| consent.clone())
    }

    /// How many consents have a limit, of these users and clients where they are given.
    pub(crate) fn count_limits(&self, owner: OwnerKey<'_>) -> usize {
        let tables = self.read();
        let all = tables.consents.0.iter();
        let limited = all.filter(|((user, client), (consent, _))| {
            consent.buzz_limit.is_some() && owner.matches(*user, client)
        });
        limited.count()
    }

    /// Every consent, by user and client, of these users and clients where they are given.
    pub(crate) fn list_consents(&self, owner: OwnerKey<'_>) -> Vec<Given> {
        let tables = self.read();
        let all = tables.consents.0.iter();
        let mut found: Vec<Given> = all
            .filter(|((user, client), _)| owner.matches(*user, client))
            .map(|((user, client), (consent, at))| (*user, client.clone(), consent.clone(), *at))
            .collect();
        drop(tables);
        found.sort_by(|one, other| (one.0, &one.1.0).cmp(&(other.0, &other.1.0)));
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
            let parties = (user, client.clone());
            tables.consents.check_room(&parties)?;
            tables.consents.0.insert(parties, (consent.clone(), now));
            batch.push(|key| put(key, user, client, consent, now));
            Ok(())
        })
        .await?
    }

    /// Keeps what an approval leaves behind, and of the consent before what it says nothing of: two approvals at
    /// once lose neither. Errors: there are as many consents as there may be.
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
            let parties = (user, client.clone());
            tables.consents.check_room(&parties)?;
            let place = tables.consents.0.entry(parties);
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
