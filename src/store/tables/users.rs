//! The `users` table. A user's document has the initial balances; the current ones are in `accounts.rs`.

use crate::model::user::{User, UserRef};
use crate::protocol::ids::UserId;
use crate::store::columns::{ROW_BYTES, from_json, to_json};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::SqliteConnection;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Every user of a sandbox.
#[derive(Debug, Default, Clone)]
pub(crate) struct UserTable {
    pub(crate) by_id: BTreeMap<UserId, Arc<User>>,
    by_name: HashMap<String, UserId>,
}

impl UserTable {
    /// A user who is not deleted.
    pub(crate) fn active(&self, id: UserId) -> Option<&Arc<User>> {
        self.by_id.get(&id).filter(|user| !user.deleted)
    }

    /// As [`UserRef::find_in`].
    pub(crate) fn find(&self, named: &UserRef) -> Option<&Arc<User>> {
        let by_name = named.as_username().and_then(|name| self.by_name.get(name));
        let id = by_name.copied().or_else(|| named.as_id())?;
        self.by_id.get(&id)
    }

    /// Whether another user has the name.
    pub(crate) fn is_name_taken(&self, user: &User) -> bool {
        let name = user.username.as_deref();
        let owner = name.and_then(|name| self.by_name.get(name));
        owner.is_some_and(|owner| *owner != user.id)
    }

    /// Inserts a user, or replaces the one of the same id.
    pub(crate) fn put(&mut self, user: &User) -> Result<(), StoreError> {
        if self.is_name_taken(user) {
            return Err(StoreError::NameTaken {
                name: user.display_name(),
            });
        }
        self.remove(user.id);
        if let Some(name) = &user.username {
            self.by_name.insert(name.clone(), user.id);
        }
        self.by_id.insert(user.id, Arc::new(user.clone()));
        Ok(())
    }

    /// Releases the username of the stored user of this id, if `user` has another name. Returns the stored user.
    pub(crate) fn take_name(
        &mut self,
        user: &User,
        batch: &mut WriteBatch<'_>,
    ) -> Option<Arc<User>> {
        let known = self.by_id.get_mut(&user.id)?;
        if known.username == user.username {
            return None;
        }
        let nameless = User {
            username: None,
            ..User::clone(known)
        };
        if let Some(name) = &known.username {
            self.by_name.remove(name);
        }
        batch.push(|key| put(key, &nameless));
        Some(std::mem::replace(known, Arc::new(nameless)))
    }

    pub(crate) fn size_in_bytes(&self) -> usize {
        let users = self.by_id.values();
        users.map(|user| ROW_BYTES + to_json(user).len()).sum()
    }

    pub(crate) fn remove(&mut self, id: UserId) -> bool {
        let Some(before) = self.by_id.remove(&id) else {
            return false;
        };
        if let Some(name) = &before.username {
            self.by_name.remove(name);
        }
        true
    }

    /// The id after the highest one. None if there is none.
    pub(crate) fn next_id(&self) -> Option<UserId> {
        let last = self.by_id.last_key_value().map_or(0, |(id, _)| id.0.max(0));
        last.checked_add(1).map(UserId)
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let documents: Vec<String> =
            sqlx::query_scalar("select document from users where sandbox = ?")
                .bind(key)
                .fetch_all(db)
                .await?;
        let mut users = Self::default();
        for document in documents {
            users.put(&from_json("user", &document)?)?;
        }
        Ok(users)
    }
}

pub(crate) fn put(key: &str, user: &User) -> Statement {
    Statement::new(
        "insert into users (sandbox, id, username, deleted, document) values (?, ?, ?, ?, ?)
         on conflict (sandbox, id) do update set
             username = excluded.username, deleted = excluded.deleted, document = excluded.document",
    )
    .bind(key)
    .bind(user.id)
    .bind(user.username.as_deref())
    .bind(user.deleted)
    .bind(to_json(user))
}

pub(crate) fn delete(key: &str, user: UserId) -> Statement {
    Statement::new("delete from users where sandbox = ? and id = ?")
        .bind(key)
        .bind(user)
}
