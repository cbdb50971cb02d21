//! Operations on sessions.

use crate::model::user::User;
use crate::protocol::ids::UserId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::sessions::StoredSession;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;

impl SandboxData {
    /// The user of a session that has not expired. None if the user is deleted.
    pub(crate) fn session_user(&self, hash: &SecretHash, now: Timestamp) -> Option<Arc<User>> {
        let tables = self.read();
        let session = tables.sessions.get(hash)?;
        if session.expires_at < now {
            return None;
        }
        tables.users.active(session.user).cloned()
    }

    /// The user and the end of each session, the latest end first; of one user, or of all.
    pub(crate) fn list_sessions(&self, user: Option<UserId>) -> Vec<(UserId, Timestamp)> {
        let tables = self.read();
        let all = tables.sessions.values();
        let mut found: Vec<(UserId, Timestamp)> = all
            .filter(|session| session.is_of(user))
            .map(|session| (session.user, session.expires_at))
            .collect();
        drop(tables);
        found.sort_by_key(|(user, expires_at)| (Reverse(*expires_at), *user));
        found
    }

    /// How many sessions each user has that have not expired.
    pub(crate) fn count_sessions(&self, now: Timestamp) -> HashMap<UserId, usize> {
        let tables = self.read();
        let mut counts = HashMap::new();
        for session in tables.sessions.values() {
            if session.expires_at >= now {
                *counts.entry(session.user).or_default() += 1;
            }
        }
        counts
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

impl SandboxData {
    /// Signs a user in. Errors: there are `max_sessions` already.
    pub(crate) async fn insert_session(
        &self,
        session: NewSession,
        max_sessions: usize,
    ) -> Result<(), StoreError> {
        let NewSession {
            hash,
            user,
            now,
            expires_at,
        } = session;
        self.change(|tables, batch| {
            tables.sessions.purge_if_due(now, max_sessions, batch);
            let sessions = tables.sessions.len();
            check_room(sessions, max_sessions, "sessions in this sandbox")?;
            let session = StoredSession { user, expires_at };
            tables.sessions.put(hash, session, batch);
            Ok(())
        })
        .await?
    }

    /// Deletes the sessions of a user, or of all users, and returns how many there were.
    pub(crate) async fn delete_sessions(&self, user: Option<UserId>) -> Result<u64, StoreError> {
        self.change(|tables, batch| tables.sessions.remove_of(user, batch))
            .await
    }

    /// Signs out.
    pub(crate) async fn delete_session(&self, hash: &SecretHash) -> Result<(), StoreError> {
        self.change(|tables, batch| {
            tables.sessions.remove(hash, batch);
        })
        .await
    }
}
