//! The `codes` table: authorization codes, each good for one redemption.

use super::{Store, StoreError, scope};
use crate::model::code::AuthorizationCode;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::pkce::Challenge;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

type Row = (
    ClientId,
    UserId,
    u32,
    String,
    Challenge,
    Option<String>,
    Timestamp,
    Timestamp,
    Timestamp,
);

fn from_row(row: Row) -> Result<AuthorizationCode, StoreError> {
    let (
        client_id,
        user_id,
        bits,
        redirect_uri,
        challenge,
        nonce,
        issued_at,
        expires_at,
        kept_until,
    ) = row;
    Ok(AuthorizationCode {
        client_id,
        user_id,
        scope: scope(bits)?,
        redirect_uri,
        challenge,
        nonce,
        issued_at,
        expires_at,
        kept_until,
    })
}

impl Store {
    /// Keeps a code that has just been issued.
    pub(crate) async fn insert_code(
        &self,
        sandbox: &str,
        hash: &SecretHash,
        code: &AuthorizationCode,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into codes (sandbox, hash, client_id, user_id, scope, redirect_uri, challenge, nonce,
                                issued_at, expires_at, kept_until)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(sandbox)
        .bind(hash.as_bytes())
        .bind(&code.client_id)
        .bind(code.user_id)
        .bind(code.scope.bits())
        .bind(&code.redirect_uri)
        .bind(&code.challenge)
        .bind(&code.nonce)
        .bind(code.issued_at)
        .bind(code.expires_at)
        .bind(code.kept_until)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// Uses a code up for this client, if it is still good: of many who try, one gets it.
    pub(crate) async fn redeem_code(
        &self,
        sandbox: &str,
        hash: &SecretHash,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<Option<AuthorizationCode>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "delete from codes
             where sandbox = ?1 and hash = ?2 and client_id = ?3 and expires_at >= ?4 and kept_until > ?4
             returning client_id, user_id, scope, redirect_uri, challenge, nonce,
                       issued_at, expires_at, kept_until",
        )
        .bind(sandbox)
        .bind(hash.as_bytes())
        .bind(client)
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// Every code that has not been exchanged, newest first, of these users and clients where they are given.
    pub(crate) async fn list_codes(
        &self,
        sandbox: &str,
        (user, client): (Option<UserId>, Option<&str>),
    ) -> Result<Vec<AuthorizationCode>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select client_id, user_id, scope, redirect_uri, challenge, nonce,
                    issued_at, expires_at, kept_until from codes
             where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)
             order by issued_at desc, hash",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(from_row).collect()
    }

    /// Whom a code was issued for, good or not.
    pub(crate) async fn code_user(
        &self,
        sandbox: &str,
        hash: &SecretHash,
    ) -> Result<Option<UserId>, StoreError> {
        let user = sqlx::query_scalar("select user_id from codes where sandbox = ? and hash = ?")
            .bind(sandbox)
            .bind(hash.as_bytes())
            .fetch_optional(&self.pool)
            .await?;
        Ok(user)
    }

    /// Whether a code of this client is known, but past its life.
    pub(crate) async fn is_code_expired(
        &self,
        sandbox: &str,
        hash: &SecretHash,
        client: &ClientId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let known: Option<i64> = sqlx::query_scalar(
            "select 1 from codes
             where sandbox = ?1 and hash = ?2 and client_id = ?3 and expires_at < ?4 and kept_until > ?4",
        )
        .bind(sandbox)
        .bind(hash.as_bytes())
        .bind(client)
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        Ok(known.is_some())
    }
}
