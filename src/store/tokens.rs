//! The `tokens` table: access and refresh tokens.

use sqlx::{SqliteExecutor, SqlitePool};

use super::{Store, StoreError, damaged, from_json, scope};
use crate::model::token::{Token, TokenKind};
use crate::model::user::User;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

type Row = (Vec<u8>, String, ClientId, UserId, u32, Timestamp, Timestamp);

fn from_row(
    (hash, kind, client_id, user_id, bits, issued_at, expires_at): Row,
) -> Result<Token, StoreError> {
    Ok(Token {
        hash: SecretHash::from_bytes(&hash).ok_or_else(|| damaged("token hash", &hash.len()))?,
        kind: TokenKind::from_name(&kind).ok_or_else(|| damaged("token kind", &kind))?,
        client_id,
        user_id,
        scope: scope(bits)?,
        issued_at,
        expires_at,
    })
}

async fn insert(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    token: &Token,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into tokens (sandbox, hash, kind, client_id, user_id, scope, issued_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(sandbox)
    .bind(token.hash.as_bytes())
    .bind(token.kind.name())
    .bind(&token.client_id)
    .bind(token.user_id)
    .bind(token.scope.bits())
    .bind(token.issued_at)
    .bind(token.expires_at)
    .execute(db)
    .await?;
    Ok(())
}

/// Whether the refresh token was there to be deleted: of many who try, one deletes it.
async fn delete_refresh(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    hash: &SecretHash,
) -> Result<bool, StoreError> {
    let done =
        sqlx::query("delete from tokens where sandbox = ? and hash = ? and kind = 'refresh'")
            .bind(sandbox)
            .bind(hash.as_bytes())
            .execute(db)
            .await?;
    Ok(done.rows_affected() > 0)
}

impl Store {
    /// Keeps tokens that have just been minted.
    pub(crate) async fn insert_tokens(
        &self,
        sandbox: &str,
        tokens: &[Token],
    ) -> Result<(), StoreError> {
        // IMMEDIATE takes the lock now: no SQLITE_BUSY half-way.
        let mut tx = self.pool.begin_with("begin immediate").await?;
        for token in tokens {
            insert(&mut *tx, sandbox, token).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Uses a refresh token up and keeps its successors. Whether this call was the one that did.
    pub(crate) async fn rotate_tokens(
        &self,
        sandbox: &str,
        old: &SecretHash,
        successors: &[Token],
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        if !delete_refresh(&mut *tx, sandbox, old).await? {
            return Ok(false);
        }
        for token in successors {
            insert(&mut *tx, sandbox, token).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    /// A token of either kind, live or not.
    pub(crate) async fn find_token(
        &self,
        sandbox: &str,
        hash: &SecretHash,
    ) -> Result<Option<Token>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "select hash, kind, client_id, user_id, scope, issued_at, expires_at from tokens
             where sandbox = ? and hash = ?",
        )
        .bind(sandbox)
        .bind(hash.as_bytes())
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// The scope and the client of a live access token, and its user unless deleted.
    pub(crate) async fn bearer(
        &self,
        sandbox: &str,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<(Scope, String, Option<User>)>, StoreError> {
        let row: Option<(u32, String, Option<String>)> = sqlx::query_as(
            "select tokens.scope, tokens.client_id, users.document from tokens
             left join users on users.sandbox = tokens.sandbox and users.id = tokens.user_id
                            and not users.deleted
             where tokens.sandbox = ? and tokens.hash = ? and tokens.kind = 'access'
               and tokens.expires_at >= ?",
        )
        .bind(sandbox)
        .bind(hash.as_bytes())
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        row.map(|(bits, client, document)| {
            let user = document
                .map(|document| from_json("user", &document))
                .transpose()?;
            Ok((scope(bits)?, client, user))
        })
        .transpose()
    }

    /// Every token, newest first, of these users and clients where they are given.
    pub(crate) async fn list_tokens(
        &self,
        sandbox: &str,
        (user, client): (Option<UserId>, Option<&str>),
    ) -> Result<Vec<Token>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select hash, kind, client_id, user_id, scope, issued_at, expires_at from tokens
             where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)
             order by issued_at desc, kind, hash",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(from_row).collect()
    }

    /// Makes access tokens run out at a moment: one, or all. How many there were.
    pub(crate) async fn expire_tokens(
        &self,
        sandbox: &str,
        hash: Option<&SecretHash>,
        moment: Timestamp,
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "update tokens set expires_at = ?1 where sandbox = ?2 and expires_at > ?1
                 and (hash = ?3 or (?3 is null and kind = 'access'))",
        )
        .bind(moment)
        .bind(sandbox)
        .bind(hash.map(SecretHash::as_bytes))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Removes every token of these users and clients where they are given. How many there were.
    pub(crate) async fn delete_tokens(
        &self,
        sandbox: &str,
        (user, client): (Option<UserId>, Option<&str>),
    ) -> Result<u64, StoreError> {
        let done = sqlx::query(
            "delete from tokens
             where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)",
        )
        .bind(sandbox)
        .bind(user)
        .bind(client)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected())
    }

    /// Revokes a token; with a refresh token go all access tokens of its user and client.
    pub(crate) async fn revoke_token(
        &self,
        sandbox: &str,
        token: &Token,
    ) -> Result<(), StoreError> {
        match token.kind {
            TokenKind::Access => delete_one(&self.pool, sandbox, &token.hash).await,
            TokenKind::Refresh => {
                sqlx::query(
                    "delete from tokens where sandbox = ?1 and (hash = ?2
                         or (client_id = ?3 and user_id = ?4 and kind = 'access'))",
                )
                .bind(sandbox)
                .bind(token.hash.as_bytes())
                .bind(&token.client_id)
                .bind(token.user_id)
                .execute(&self.pool)
                .await?;
                Ok(())
            }
        }
    }
}

async fn delete_one(pool: &SqlitePool, sandbox: &str, hash: &SecretHash) -> Result<(), StoreError> {
    sqlx::query("delete from tokens where sandbox = ? and hash = ?")
        .bind(sandbox)
        .bind(hash.as_bytes())
        .execute(pool)
        .await?;
    Ok(())
}
