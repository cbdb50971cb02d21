//! The `consents` table: what a user has agreed to, one row per user and client.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::held::{Whose, is_meant, lost};
use super::rows::ROW_BYTES;
use super::statement::Statement;
use super::{Rows, Store, StoreError, from_json, full, to_json};
use crate::model::buzz::BuzzLimit;
use crate::model::consent::{Approval, Consent};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;

/// A consent, who gave it to whom, and when.
pub(crate) type Given = (UserId, ClientId, Consent, Timestamp);

/// The most consents of a sandbox.
pub(super) const MAX_CONSENTS: usize = if cfg!(test) { 200 } else { 10_000 };

/// Every consent of a world, and when it was given.
#[derive(Debug, Default, Clone)]
pub(super) struct Consents(HashMap<(UserId, ClientId), (Consent, Timestamp)>);

impl Consents {
    /// How much of the user's buzz this client may spend.
    pub(super) fn limit(&self, user: UserId, client: &ClientId) -> Option<&BuzzLimit> {
        let (consent, _) = self.0.get(&(user, client.clone()))?;
        consent.buzz_limit.as_ref()
    }

    /// Checks that there is room for the consent of a user and a client. Errors: there are as many as there may be.
    fn check_room(&self, parties: &(UserId, ClientId)) -> Result<(), StoreError> {
        if self.0.contains_key(parties) {
            return Ok(());
        }
        full(self.0.len(), MAX_CONSENTS, "consents in this sandbox")
    }

    pub(super) fn size_in_bytes(&self) -> usize {
        let limits = self.0.values().map(|(consent, _)| &consent.buzz_limit);
        let bytes = limits.map(|limit| limit.as_ref().map_or(0, |limit| to_json(limit).len()));
        bytes.map(|bytes| ROW_BYTES + bytes).sum()
    }

    /// How many there were.
    pub(super) fn remove_of(&mut self, whose: Whose<'_>) -> u64 {
        lost(&mut self.0, |(user, client), _| {
            !is_meant(whose, *user, client)
        })
    }

    /// What the file has of a world.
    pub(super) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let rows: Vec<(UserId, ClientId, u32, Option<String>, Timestamp)> = sqlx::query_as(
            "select user_id, client_id, scope, buzz_limit, updated_at from consents where sandbox = ?",
        )
        .bind(world)
        .fetch_all(db)
        .await?;
        let mut consents = HashMap::new();
        for (user, client, bits, limit, at) in rows {
            let limit = limit.map(|text| from_json("buzz limit", &text));
            let consent = Consent {
                scope: Scope::of_any_bits(bits),
                buzz_limit: limit.transpose()?,
            };
            consents.insert((user, client), (consent, at));
        }
        Ok(Self(consents))
    }
}

fn put(
    world: &str,
    (user, client): (UserId, &ClientId),
    consent: &Consent,
    now: Timestamp,
) -> Statement {
    Statement::new(
        "insert or replace into consents (sandbox, user_id, client_id, scope, buzz_limit, updated_at)
         values (?, ?, ?, ?, ?, ?)",
    )
    .bind(world)
    .bind(user)
    .bind(client)
    .bind(consent.scope.bits())
    .bind(consent.buzz_limit.as_ref().map(to_json))
    .bind(now)
    .of_row(("consents", world, user, client))
}

impl Rows {
    /// What this user allows this client.
    pub(crate) fn find_consent(&self, user: UserId, client: &ClientId) -> Option<Consent> {
        let tables = self.read();
        let found = tables.consents.0.get(&(user, client.clone()));
        found.map(|(consent, _)| consent.clone())
    }

    /// How many consents have a limit, of these users and clients where they are given.
    pub(crate) fn count_limits(&self, whose: Whose<'_>) -> usize {
        let tables = self.read();
        let all = tables.consents.0.iter();
        let limited = all.filter(|((user, client), (consent, _))| {
            consent.buzz_limit.is_some() && is_meant(whose, *user, client)
        });
        limited.count()
    }

    /// Every consent, by user and client, of these users and clients where they are given.
    pub(crate) fn list_consents(&self, whose: Whose<'_>) -> Vec<Given> {
        let tables = self.read();
        let all = tables.consents.0.iter();
        let mut found: Vec<Given> = all
            .filter(|((user, client), _)| is_meant(whose, *user, client))
            .map(|((user, client), (consent, at))| (*user, client.clone(), consent.clone(), *at))
            .collect();
        drop(tables);
        found.sort_by(|one, other| (one.0, &one.1.0).cmp(&(other.0, &other.1.0)));
        found
    }
}

impl Store {
    /// Keeps a consent in place of the one before. Errors: there are as many as there may be.
    pub(crate) async fn put_consent(
        &self,
        world: &Rows,
        (user, client): (UserId, &ClientId),
        consent: &Consent,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                let parties = (user, client.clone());
                tables.consents.check_room(&parties)?;
                tables.consents.0.insert(parties, (consent.clone(), now));
                draft.note(|world| put(world, (user, client), consent, now));
                Ok(())
            })
            .kept()
            .await?
    }

    /// Keeps what an approval leaves behind, and of the consent before what it says nothing of: two approvals at
    /// once lose neither. Errors: there are as many consents as there may be.
    pub(crate) async fn approve_consent(
        &self,
        world: &Rows,
        (user, client): (UserId, &ClientId),
        approval: &Approval,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
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
                draft.note(|world| put(world, (user, client), consent, now));
                Ok(())
            })
            .kept()
            .await?
    }
}
