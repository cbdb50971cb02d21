//! The `sessions` table: who is signed in.

use crate::protocol::ids::UserId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::damaged;
use crate::store::error::StoreError;
use crate::store::purge::Growth;
use crate::store::statement::Statement;
use crate::store::tables::owner::lost;
use crate::store::write_batch::Draft;
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// Every session of a world: whose, and when it ends.
#[derive(Debug, Default, Clone)]
pub(crate) struct Sessions {
    pub(crate) by_hash: HashMap<SecretHash, (UserId, Timestamp)>,
    growth: Growth,
}

impl Sessions {
    pub(crate) fn count(&self) -> usize {
        self.by_hash.len()
    }

    /// How many there were.
    pub(crate) fn remove_of(&mut self, user: Option<UserId>) -> u64 {
        let is_of = |of: UserId| user.is_none_or(|user| user == of);
        lost(&mut self.by_hash, |_, (of, _)| !is_of(*of))
    }

    /// Removes those that have run out, once there are many or there may be no more.
    pub(crate) fn clear(&mut self, now: Timestamp, most: usize, draft: &mut Draft<'_>) {
        let before = self.by_hash.len();
        if self.growth.is_due(before) || before >= most && self.growth.is_due_when_full(now) {
            self.by_hash.retain(|_, (_, expires_at)| *expires_at >= now);
            let past = "delete from sessions where sandbox = ? and expires_at < ?";
            let rows = (before, self.by_hash.len());
            self.growth.looked_through(rows, (past, now), draft);
        }
    }

    /// What the file has of a world.
    pub(crate) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let rows: Vec<(Vec<u8>, UserId, Timestamp)> =
            sqlx::query_as("select hash, user_id, expires_at from sessions where sandbox = ?")
                .bind(world)
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
            growth: Growth::default(),
        })
    }
}

pub(crate) fn insert(
    world: &str,
    hash: &SecretHash,
    user: UserId,
    expires_at: Timestamp,
) -> Statement {
    Statement::new(
        "insert or replace into sessions (sandbox, hash, user_id, expires_at) values (?, ?, ?, ?)",
    )
    .bind(world)
    .bind(hash.as_bytes())
    .bind(user)
    .bind(expires_at)
}

pub(crate) fn delete(world: &str, hash: &SecretHash) -> Statement {
    Statement::new("delete from sessions where sandbox = ? and hash = ?")
        .bind(world)
        .bind(hash.as_bytes())
}

pub(crate) fn delete_of(world: &str, user: Option<UserId>) -> Statement {
    Statement::new("delete from sessions where sandbox = ?1 and (?2 is null or user_id = ?2)")
        .bind(world)
        .bind(user)
}
