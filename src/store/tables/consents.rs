//! The `consents` table: the scopes and limits that a user has agreed to, one row per user and client.

use super::grant_tables::UserClientFilter;
use super::sql::{TableSql, table_sql};
use super::table::{GrantRow, Row, Table};
use crate::model::buzz::BuzzLimit;
use crate::model::consent::Consent;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::time::Timestamp;
use crate::store::columns::{ROW_BYTES, check_room, from_json, scope, to_json};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// The most consents of a sandbox.
pub(crate) const MAX_CONSENTS: usize = if cfg!(test) { 200 } else { 10_000 };

/// A consent of a user for a client.
#[derive(Debug, Clone)]
pub(crate) struct StoredConsent {
    pub(crate) user: UserId,
    pub(crate) client: ClientId,
    pub(crate) consent: Consent,
    pub(crate) updated_at: Timestamp,
}

impl Row for StoredConsent {
    type Key = (UserId, ClientId);
    type Index = ();

    const SQL: TableSql = table_sql!(
        "consents",
        key: "user_id, client_id" = "?, ?",
        columns: "scope, buzz_limit, updated_at" = "?, ?, ?",
        bytes: "256 + coalesce(octet_length(buzz_limit), 0)"
    );

    fn size_in_bytes(&self) -> usize {
        let limit = self.consent.buzz_limit.as_ref();
        ROW_BYTES + limit.map_or(0, |limit| to_json(limit).len())
    }

    fn bind_key(&self, (user, client): &Self::Key, statement: Statement) -> Statement {
        statement.bind(*user).bind(client)
    }

    fn bind_columns(&self, _: &Self::Key, statement: Statement) -> Statement {
        statement
            .bind(self.consent.scope.bits())
            .bind(self.consent.buzz_limit.as_ref().map(to_json))
            .bind(self.updated_at)
    }

    fn read(row: &SqliteRow) -> Result<(Self::Key, Self), StoreError> {
        let limit: Option<&str> = row.try_get("buzz_limit")?;
        let limit = limit.map(|text| from_json("buzz limit", text));
        let stored = Self {
            user: row.try_get("user_id")?,
            client: row.try_get("client_id")?,
            consent: Consent {
                scope: scope(row)?,
                buzz_limit: limit.transpose()?,
            },
            updated_at: row.try_get("updated_at")?,
        };
        Ok(((stored.user, stored.client.clone()), stored))
    }
}

impl GrantRow for StoredConsent {
    fn matches(&self, filter: UserClientFilter<'_>) -> bool {
        filter.matches(self.user, &self.client)
    }
}

impl Table<StoredConsent> {
    /// How much of the user's buzz this client may spend.
    pub(crate) fn limit(&self, user: UserId, client: &ClientId) -> Option<&BuzzLimit> {
        let stored = self.get(&(user, client.clone()))?;
        stored.consent.buzz_limit.as_ref()
    }

    /// Stores a consent in place of the earlier one. Errors: there are as many as there may be.
    pub(crate) fn put_consent(
        &mut self,
        stored: StoredConsent,
        batch: &mut WriteBatch<'_>,
    ) -> Result<(), StoreError> {
        let key = (stored.user, stored.client.clone());
        if !self.contains_key(&key) {
            check_room(self.len(), MAX_CONSENTS, "consents in this sandbox")?;
        }
        self.put(key, stored, batch);
        Ok(())
    }
}
