//! The `consents` table: what a user has agreed to, one row per user and client.

use sqlx::SqliteExecutor;

use super::{Store, StoreError, from_json, scope, to_json};
use crate::model::buzz::BuzzLimit;
use crate::model::consent::{Approval, Consent};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;

/// How much of the user's buzz this client may spend.
pub(super) async fn limit(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    (user, client): (UserId, &ClientId),
) -> Result<Option<BuzzLimit>, StoreError> {
    let text: Option<Option<String>> = sqlx::query_scalar(
        "select buzz_limit from consents where sandbox = ? and user_id = ? and client_id = ?",
    )
    .bind(sandbox)
    .bind(user)
    .bind(client)
    .fetch_optional(db)
    .await?;
    text.flatten()
        .map(|text| from_json("buzz limit", &text))
        .transpose()
}

impl Store {
    /// What this user allows this client.
    pub(crate) async fn find_consent(
        &self,
        sandbox: &str,
        user: UserId,
        client: &ClientId,
    ) -> Result<Option<Consent>, StoreError> {
        let row: Option<(u32, Option<String>)> = sqlx::query_as(
            "select scope, buzz_limit from consents
             where sandbox = ? and user_id = ? and client_id = ?",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|(bits, limit)| {
            let buzz_limit = limit
                .map(|text| from_json("buzz limit", &text))
                .transpose()?;
            Ok(Consent {
                scope: scope(bits)?,
                buzz_limit,
            })
        })
        .transpose()
    }

    /// Keeps a consent in place of the one before.
    pub(crate) async fn put_consent(
        &self,
        sandbox: &str,
        (user, client): (UserId, &ClientId),
        consent: &Consent,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into consents (sandbox, user_id, client_id, scope, buzz_limit, updated_at)
             values (?, ?, ?, ?, ?, ?)
             on conflict (sandbox, user_id, client_id) do update set
                 scope = excluded.scope, buzz_limit = excluded.buzz_limit,
                 updated_at = excluded.updated_at",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .bind(consent.scope.bits())
        .bind(consent.buzz_limit.as_ref().map(to_json))
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Keeps what an approval leaves behind, and of the consent before what it says nothing of: two approvals at
    /// once lose neither.
    pub(crate) async fn approve_consent(
        &self,
        sandbox: &str,
        (user, client): (UserId, &ClientId),
        approval: &Approval,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let limit = approval
            .buzz_limit
            .as_ref()
            .map(|limit| limit.as_ref().map(to_json));
        sqlx::query(
            "insert into consents (sandbox, user_id, client_id, scope, buzz_limit, updated_at)
             values (?1, ?2, ?3, coalesce(?4, 0), ?5, ?7)
             on conflict (sandbox, user_id, client_id) do update set
                 scope = coalesce(?4, consents.scope),
                 buzz_limit = case when ?6 then ?5 else consents.buzz_limit end,
                 updated_at = ?7",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .bind(approval.remember.map(Scope::bits))
        .bind(limit.clone().flatten())
        .bind(limit.is_some())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Every consent, of these users and clients where they are given.
    pub(crate) async fn list_consents(
        &self,
        sandbox: &str,
        (user, client): (Option<UserId>, Option<&str>),
    ) -> Result<Vec<(UserId, ClientId, Consent, Timestamp)>, StoreError> {
        let rows: Vec<(UserId, ClientId, u32, Option<String>, Timestamp)> = sqlx::query_as(
            "select user_id, client_id, scope, buzz_limit, updated_at from consents
             where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)
             order by user_id, client_id",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .fetch_all(&self.pool)
        .await?;
        let read = |(user, client, bits, limit, at): (_, _, _, Option<String>, _)| {
            let buzz_limit = limit
                .map(|text| from_json("buzz limit", &text))
                .transpose()?;
            Ok((
                user,
                client,
                Consent {
                    scope: scope(bits)?,
                    buzz_limit,
                },
                at,
            ))
        };
        rows.into_iter().map(read).collect()
    }

    /// Forgets the consents of these users and clients, or all. How many there were.
    pub(crate) async fn delete_consents(
        &self,
        sandbox: &str,
        (user, client): (Option<UserId>, Option<&str>),
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "delete from consents
             where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }
}
