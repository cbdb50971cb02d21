//! The `sessions` table: who is signed in.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::draft::Draft;
use super::growth::Growth;
use super::held::lost;
use super::statement::Statement;
use super::{Rows, Store, StoreError, damaged, full};
use crate::model::user::User;
use crate::protocol::ids::UserId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

/// Every session of a world: whose, and when it ends.
#[derive(Debug, Default, Clone)]
pub(super) struct Sessions {
    by_hash: HashMap<SecretHash, (UserId, Timestamp)>,
    growth: Growth,
}

impl Sessions {
    pub(super) fn count(&self) -> usize {
        self.by_hash.len()
    }

    /// How many there were.
    pub(super) fn remove_of(&mut self, user: Option<UserId>) -> u64 {
        let is_of = |of: UserId| user.is_none_or(|user| user == of);
        lost(&mut self.by_hash, |_, (of, _)| !is_of(*of))
    }

    /// Removes those that have run out, once there are many or there may be no more.
    fn clear(&mut self, now: Timestamp, most: usize, draft: &mut Draft<'_>) {
        let before = self.by_hash.len();
        if self.growth.is_due(before) || before >= most && self.growth.is_due_when_full(now) {
            self.by_hash.retain(|_, (_, expires_at)| *expires_at >= now);
            let past = "delete from sessions where sandbox = ? and expires_at < ?";
            let rows = (before, self.by_hash.len());
            self.growth.looked_through(rows, (past, now), draft);
        }
    }

    /// What the file has of a world.
    pub(super) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
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

fn insert(world: &str, hash: &SecretHash, user: UserId, expires_at: Timestamp) -> Statement {
    Statement::new(
        "insert or replace into sessions (sandbox, hash, user_id, expires_at) values (?, ?, ?, ?)",
    )
    .bind(world)
    .bind(hash.as_bytes())
    .bind(user)
    .bind(expires_at)
}

fn delete(world: &str, hash: &SecretHash) -> Statement {
    Statement::new("delete from sessions where sandbox = ? and hash = ?")
        .bind(world)
        .bind(hash.as_bytes())
}

pub(super) fn delete_of(world: &str, user: Option<UserId>) -> Statement {
    Statement::new("delete from sessions where sandbox = ?1 and (?2 is null or user_id = ?2)")
        .bind(world)
        .bind(user)
}

impl Rows {
    /// The user of a session that has not run out; a deleted user has none.
    pub(crate) fn session_user(&self, hash: &SecretHash, now: Timestamp) -> Option<Arc<User>> {
        let tables = self.read();
        let (user, expires_at) = tables.sessions.by_hash.get(hash)?;
        if *expires_at < now {
            return None;
        }
        tables.users.active(*user).cloned()
    }

    /// Every session, of this user where one is given: whose, and when it ends.
    pub(crate) fn list_sessions(&self, user: Option<UserId>) -> Vec<(UserId, Timestamp)> {
        let tables = self.read();
        let all = tables.sessions.by_hash.values();
        let of_user = all.filter(|(of, _)| user.is_none_or(|user| user == *of));
        let mut found: Vec<(UserId, Timestamp)> = of_user.copied().collect();
        drop(tables);
        found.sort_by_key(|(user, expires_at)| (Reverse(*expires_at), *user));
        found
    }
}

/// A session that begins.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NewSession {
    pub(crate) hash: SecretHash,
    pub(crate) user: UserId,
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Store {
    /// Signs a user in. Errors: there are `most` sessions.
    pub(crate) async fn insert_session(
        &self,
        world: &Rows,
        session: NewSession,
        most: usize,
    ) -> Result<(), StoreError> {
        let NewSession {
            hash,
            user,
            now,
            expires_at,
        } = session;
        self.leave()
            .await?
            .write(world, |tables, draft| {
                tables.sessions.clear(now, most, draft);
                let sessions = tables.sessions.by_hash.len();
                full(sessions, most, "sessions in this sandbox")?;
                tables.sessions.by_hash.insert(hash, (user, expires_at));
                draft.note(|world| insert(world, &hash, user, expires_at));
                Ok(())
            })
            .kept()
            .await?
    }

    /// Signs a user out everywhere, or everybody. How many sessions there were.
    pub(crate) async fn delete_sessions(
        &self,
        world: &Rows,
        user: Option<UserId>,
    ) -> Result<u64, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                draft.note(|world| delete_of(world, user));
                tables.sessions.remove_of(user)
            })
            .kept()
            .await
    }

    /// Signs out.
    pub(crate) async fn delete_session(
        &self,
        world: &Rows,
        hash: &SecretHash,
    ) -> Result<(), StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                if tables.sessions.by_hash.remove(hash).is_some() {
                    draft.note(|world| delete(world, hash));
                }
            })
            .kept()
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::refused::World;
    use super::*;
    use crate::protocol::secret::Secret;

    #[tokio::test]
    async fn sessions_are_bounded_where_a_bound_is_given() {
        let world = World::new("sessions").await;
        let begin = async |number: i64, most: usize| {
            let session = NewSession {
                hash: Secret::new(number.to_string()).hash(),
                user: UserId(1),
                now: Timestamp(number),
                expires_at: Timestamp(number + 1000),
            };
            let (store, rows) = (&world.store, &world.rows);
            store.insert_session(rows, session, most).await
        };
        for number in 0..3 {
            begin(number, 3).await.unwrap();
        }
        let full = begin(3, 3).await.unwrap_err();
        assert_eq!(
            full.to_string(),
            "there are 3 sessions in this sandbox already, and there may be no more"
        );
        assert_eq!(world.rows.list_sessions(None).len(), 3);
        begin(3, 4).await.unwrap();
        assert_eq!(world.rows.list_sessions(None).len(), 4);
        // All of them have run out by then.
        begin(2000, 3).await.unwrap();
        assert_eq!(world.rows.list_sessions(None).len(), 1);
    }
}
