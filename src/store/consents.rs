//! The `consents` table: what a user has agreed to, one row per user and client.

use std::collections::HashMap;

use sqlx::SqliteConnection;

use super::statement::Statement;
use super::{Rows, Store, StoreError, from_json, is_meant, scope, to_json};
use crate::model::buzz::BuzzLimit;
use crate::model::consent::{Approval, Consent};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;

/// A consent, who gave it to whom, and when.
pub(crate) type Given = (UserId, ClientId, Consent, Timestamp);

/// Every consent of a world, and when it was given.
#[derive(Debug, Default, Clone)]
pub(super) struct Consents(HashMap<(UserId, ClientId), (Consent, Timestamp)>);

impl Consents {
    /// How much of the user's buzz this client may spend.
    pub(super) fn limit(&self, user: UserId, client: &ClientId) -> Option<&BuzzLimit> {
        let (consent, _) = self.0.get(&(user, client.clone()))?;
        consent.buzz_limit.as_ref()
    }

    /// How many there were.
    pub(super) fn remove_of(&mut self, user: Option<UserId>, client: Option<&str>) -> u64 {
        let before = self.0.len();
        self.0.retain(|key, _| !is_of(key, user, client));
        (before - self.0.len()) as u64
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
                scope: scope(bits)?,
                buzz_limit: limit.transpose()?,
            };
            consents.insert((user, client), (consent, at));
        }
        Ok(Self(consents))
    }
}

fn is_of((of, by): &(UserId, ClientId), user: Option<UserId>, client: Option<&str>) -> bool {
    is_meant((user, client), *of, by)
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

pub(super) fn delete_of(world: &str, user: Option<UserId>, client: Option<&str>) -> Statement {
    Statement::new(
        "delete from consents
         where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)",
    )
    .bind(world)
    .bind(user)
    .bind(client)
}

impl Rows {
    /// What this user allows this client.
    pub(crate) fn find_consent(&self, user: UserId, client: &ClientId) -> Option<Consent> {
        let tables = self.read();
        let found = tables.consents.0.get(&(user, client.clone()));
        found.map(|(consent, _)| consent.clone())
    }

    /// Every consent, by user and client, of these users and clients where they are given.
    pub(crate) fn list_consents(
        &self,
        (user, client): (Option<UserId>, Option<&str>),
    ) -> Vec<Given> {
        let tables = self.read();
        let all = tables.consents.0.iter();
        let mut found: Vec<Given> = all
            .filter(|(key, _)| is_of(key, user, client))
            .map(|((user, client), (consent, at))| (*user, client.clone(), consent.clone(), *at))
            .collect();
        drop(tables);
        found.sort_by(|one, other| (one.0, &one.1.0).cmp(&(other.0, &other.1.0)));
        found
    }
}

impl Store {
    /// Keeps a consent in place of the one before.
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
                let kept = (consent.clone(), now);
                tables.consents.0.insert((user, client.clone()), kept);
                draft.note(|world| put(world, (user, client), consent, now));
            })
            .kept()
            .await
    }

    /// Keeps what an approval leaves behind, and of the consent before what it says nothing of: two approvals at
    /// once lose neither.
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
                let place = tables.consents.0.entry((user, client.clone()));
                let (consent, at) = place.or_insert_with(new);
                if let Some(scope) = approval.remember {
                    consent.scope = scope;
                }
                if let Some(limit) = &approval.buzz_limit {
                    consent.buzz_limit.clone_from(limit);
                }
                *at = now;
                draft.note(|world| put(world, (user, client), consent, now));
            })
            .kept()
            .await
    }

    /// Forgets the consents of these users and clients, or all. How many there were.
    pub(crate) async fn delete_consents(
        &self,
        world: &Rows,
        (user, client): (Option<UserId>, Option<&str>),
    ) -> Result<u64, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                draft.note(|world| delete_of(world, user, client));
                tables.consents.remove_of(user, client)
            })
            .kept()
            .await
    }
}
