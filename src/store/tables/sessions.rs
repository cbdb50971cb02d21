//! The `sessions` table: the users who are signed in.

use super::sql::{TableSql, table_sql};
use super::table::{ExpiringRow, Row, Table};
use crate::protocol::ids::UserId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::secret_hash;
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// A session: owner, and when it ends.
#[derive(Debug, Clone)]
pub(crate) struct StoredSession {
    pub(crate) user: UserId,
    pub(crate) expires_at: Timestamp,
}

impl Row for StoredSession {
    type Key = SecretHash;
    type Index = ();

    const SQL: TableSql = table_sql!(
        "sessions",
        key: "hash" = "?",
        columns: "user_id, expires_at" = "?, ?",
        bytes: "256"
    );

    fn bind_key(&self, hash: &SecretHash, statement: Statement) -> Statement {
        statement.bind(hash.as_bytes())
    }

    fn bind_columns(&self, _: &SecretHash, statement: Statement) -> Statement {
        statement.bind(self.user).bind(self.expires_at)
    }

    fn read(row: &SqliteRow) -> Result<(SecretHash, Self), StoreError> {
        let session = Self {
            user: row.try_get("user_id")?,
            expires_at: row.try_get("expires_at")?,
        };
        Ok((secret_hash("session hash", row.try_get("hash")?)?, session))
    }
}

impl ExpiringRow for StoredSession {
    const DELETE_EXPIRED: &'static str =
        "delete from sessions where sandbox = ? and expires_at < ?";

    fn retained_until(&self) -> Timestamp {
        self.expires_at
    }
}

impl StoredSession {
    /// Whether it is a session of this user; with `None`, of any user.
    pub(crate) fn is_of(&self, user: Option<UserId>) -> bool {
        user.is_none_or(|user| user == self.user)
    }
}

impl Table<StoredSession> {
    /// Removes the sessions of a user, or of all users, and returns how many there were.
    pub(crate) fn remove_of(&mut self, user: Option<UserId>, batch: &mut WriteBatch<'_>) -> u64 {
        batch.push(|key| {
            Statement::new(
                "delete from sessions where sandbox = ?1 and (?2 is null or user_id = ?2)",
            )
            .bind(key)
            .bind(user)
        });
        self.remove_where(|session| session.is_of(user))
    }
}
