//! The `sessions` table: the users who are signed in.

use crate::protocol::ids::UserId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::damaged;
use crate::store::error::StoreError;
use crate::store::purge::{Purge, PurgeThreshold};
use crate::store::statement::Statement;
use crate::store::tables::grant_tables::retain_counting;
use crate::store::write_batch::WriteBatch;
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// Every session of a sandbox: owner, and when it ends.
#[derive(Debug, Default, Clone)]
pub(crate) struct SessionTable {
    pub(crate) by_hash: HashMap<SecretHash, (UserId, Timestamp)>,
    purge_threshold: PurgeThreshold,
}

impl SessionTable {
    pub(crate) fn count(&self) -> usize {
        self.by_hash.len()
    }

    /// Returns how many rows are removed.
    pub(crate) fn remove_of(&mut self, user: Option<UserId>) -> u64 {
        let is_of = |of: UserId| user.is_none_or(|user| user == of);
        retain_counting(&mut self.by_hash, |_, (of, _)| !is_of(*of))
    }

    /// Removes expired sessions when the table is past its threshold or full.
    pub(crate) fn purge_if_due(&mut self, now: Timestamp, most: usize, batch: &mut WriteBatch<'_>) {
        let before = self.by_hash.len();
        if self.purge_threshold.should_purge(before)
            || before >= most && self.purge_threshold.should_purge_when_full(now)
        {
            self.by_hash.retain(|_, (_, expires_at)| *expires_at >= now);
            let purge = Purge {
                rows_before: before,
                rows_left: self.by_hash.len(),
                cutoff: now,
                sql: "delete from sessions where sandbox = ? and expires_at < ?",
            };
            self.purge_threshold.purged(&purge, batch);
        }
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows: Vec<(Vec<u8>, UserId, Timestamp)> =
            sqlx::query_as("select hash, user_id, expires_at from sessions where sandbox = ?")
                .bind(key)
                .fetch_all(db)
                .await?;
        let read = |(hash, user, expires_at): (Vec<u8>, _, _)| {
            let hash = SecretHash::from_bytes(&hash);
            let hash = hash.ok_or_else(|| damaged("session hash", &"not 32 bytes"))?;
            Ok((hash, (user, expires_at)))
        };
        let by_hash: Result<HashMap<_, _>, StoreError> = rows.into_iter().map(read).collect();
        Ok(Self {
            by_hash: by_hash?,
            purge_threshold: PurgeThreshold::default(),
        })
    }
}

pub(crate) fn insert(
    key: &str,
    hash: &SecretHash,
    user: UserId,
    expires_at: Timestamp,
) -> Statement {
    Statement::new(
        "insert or replace into sessions (sandbox, hash, user_id, expires_at) values (?, ?, ?, ?)",
    )
    .bind(key)
    .bind(hash.as_bytes())
    .bind(user)
    .bind(expires_at)
}

pub(crate) fn delete(key: &str, hash: &SecretHash) -> Statement {
    Statement::new("delete from sessions where sandbox = ? and hash = ?")
        .bind(key)
        .bind(hash.as_bytes())
}

pub(crate) fn delete_matching(key: &str, user: Option<UserId>) -> Statement {
    Statement::new("delete from sessions where sandbox = ?1 and (?2 is null or user_id = ?2)")
        .bind(key)
        .bind(user)
}
