//! The `consents` table: the scopes and limits that a user has agreed to, one row per user and client.

use crate::model::buzz::BuzzLimit;
use crate::model::consent::Consent;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;
use crate::store::columns::{ROW_BYTES, check_room, from_json, to_json};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::tables::grant_tables::{UserClientFilter, retain_counting};
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// The most consents of a sandbox.
pub(crate) const MAX_CONSENTS: usize = if cfg!(test) { 200 } else { 10_000 };

/// Every consent of a sandbox, and when it was given.
#[derive(Debug, Default, Clone)]
pub(crate) struct ConsentTable(pub(crate) HashMap<(UserId, ClientId), (Consent, Timestamp)>);

impl ConsentTable {
    /// How much of the user's buzz this client may spend.
    pub(crate) fn limit(&self, user: UserId, client: &ClientId) -> Option<&BuzzLimit> {
        let (consent, _) = self.0.get(&(user, client.clone()))?;
        consent.buzz_limit.as_ref()
    }

    /// Checks that there is room for the consent of a user and a client. Errors: there are as many as there may be.
    pub(crate) fn check_room(
        &self,
        user_and_client: &(UserId, ClientId),
    ) -> Result<(), StoreError> {
        if self.0.contains_key(user_and_client) {
            return Ok(());
        }
        check_room(self.0.len(), MAX_CONSENTS, "consents in this sandbox")
    }

    pub(crate) fn size_in_bytes(&self) -> usize {
        let limits = self.0.values().map(|(consent, _)| &consent.buzz_limit);
        let bytes = limits.map(|limit| limit.as_ref().map_or(0, |limit| to_json(limit).len()));
        bytes.map(|bytes| ROW_BYTES + bytes).sum()
    }

    /// Returns how many rows are removed.
    pub(crate) fn remove_matching(&mut self, filter: UserClientFilter<'_>) -> u64 {
        retain_counting(&mut self.0, |(user, client), _| {
            !filter.matches(*user, client)
        })
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows: Vec<(UserId, ClientId, u32, Option<String>, Timestamp)> = sqlx::query_as(
            "select user_id, client_id, scope, buzz_limit, updated_at from consents where sandbox = ?",
        )
        .bind(key)
        .fetch_all(db)
        .await?;
        let mut consents = HashMap::new();
        for (user, client, bits, limit, at) in rows {
            let limit = limit.map(|text| from_json("buzz limit", &text));
            let consent = Consent {
                scope: Scope::from_any_bits(bits),
                buzz_limit: limit.transpose()?,
            };
            consents.insert((user, client), (consent, at));
        }
        Ok(Self(consents))
    }
}

pub(crate) fn put(
    key: &str,
    user: UserId,
    client: &ClientId,
    consent: &Consent,
    now: Timestamp,
) -> Statement {
    Statement::new(
        "insert or replace into consents (sandbox, user_id, client_id, scope, buzz_limit, updated_at)
         values (?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(user)
    .bind(client)
    .bind(consent.scope.bits())
    .bind(consent.buzz_limit.as_ref().map(to_json))
    .bind(now)
    .for_row(("consents", key, user, client))
}
