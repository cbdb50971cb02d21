//! The `sessions` table: who is signed in.

use super::{Store, StoreError, from_json};
use crate::model::user::User;
use crate::protocol::ids::UserId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

impl Store {
    /// Signs a user in.
    pub(crate) async fn insert_session(
        &self,
        sandbox: &str,
        hash: &SecretHash,
        user: UserId,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into sessions (sandbox, hash, user_id, expires_at) values (?, ?, ?, ?)",
        )
        .bind(sandbox)
        .bind(hash.as_bytes())
        .bind(user)
        .bind(expires_at)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The user of a session that has not run out; a deleted user has none.
    pub(crate) async fn session_user(
        &self,
        sandbox: &str,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<User>, StoreError> {
        let document: Option<String> = sqlx::query_scalar(
            "select users.document from sessions
             join users on users.sandbox = sessions.sandbox and users.id = sessions.user_id
             where sessions.sandbox = ? and sessions.hash = ? and sessions.expires_at >= ?
               and not users.deleted",
        )
        .bind(sandbox)
        .bind(hash.as_bytes())
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        document
            .map(|document| from_json("user", &document))
            .transpose()
    }

    /// Every session, of this user where one is given: whose, and when it ends.
    pub(crate) async fn list_sessions(
        &self,
        sandbox: &str,
        user: Option<UserId>,
    ) -> Result<Vec<(UserId, Timestamp)>, StoreError> {
        let found = sqlx::query_as(
            "select user_id, expires_at from sessions
             where sandbox = ?1 and (?2 is null or user_id = ?2) order by expires_at desc, user_id",
        )
        .bind(sandbox)
        .bind(user)
        .fetch_all(&self.pool)
        .await?;
        Ok(found)
    }

    /// Signs a user out everywhere, or everybody. How many sessions there were.
    pub(crate) async fn delete_sessions(
        &self,
        sandbox: &str,
        user: Option<UserId>,
    ) -> Result<u64, StoreError> {
        let done =
            sqlx::query("delete from sessions where sandbox = ?1 and (?2 is null or user_id = ?2)")
                .bind(sandbox)
                .bind(user)
                .execute(&self.pool)
                .await?;
        Ok(done.rows_affected())
    }

    /// Signs out.
    pub(crate) async fn delete_session(
        &self,
        sandbox: &str,
        hash: &SecretHash,
    ) -> Result<(), StoreError> {
        sqlx::query("delete from sessions where sandbox = ? and hash = ?")
            .bind(sandbox)
            .bind(hash.as_bytes())
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
