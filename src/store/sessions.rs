//! The `sessions` table: who is signed in.

use crate::model::user::User;
use crate::protocol::ids::UserId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::sandbox_data::Rows;
use crate::store::tables::sessions::{delete, delete_of, insert};
use std::cmp::Reverse;
use std::sync::Arc;

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
        self.begin_write()
            .await?
            .write(world, |tables, draft| {
                tables.sessions.clear(now, most, draft);
                let sessions = tables.sessions.by_hash.len();
                check_room(sessions, most, "sessions in this sandbox")?;
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
        self.begin_write()
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
        self.begin_write()
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
