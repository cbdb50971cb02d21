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
