//! The `users` table. A user's document has the initial balances; the current ones are in `accounts.rs`.

use super::sql::{TableSql, table_sql};
use super::table::{Index, Row, Table};
use crate::model::user::{User, UserRef};
use crate::protocol::ids::UserId;
use crate::store::columns::{ROW_BYTES, from_json, to_json};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use std::collections::HashMap;
use std::sync::Arc;

impl Row for Arc<User> {
    type Key = UserId;
    type Index = UserIndex;

    const SQL: TableSql = table_sql!(
        "users",
        key: "id" = "?",
        columns: "username, deleted, document" = "?, ?, ?",
        bytes: "256 + octet_length(document)"
    );

    fn size_in_bytes(&self) -> usize {
        ROW_BYTES + to_json(self).len()
    }

    fn bind_key(&self, id: &UserId, statement: Statement) -> Statement {
        statement.bind(*id)
    }

    fn bind_columns(&self, _: &UserId, statement: Statement) -> Statement {
        statement
            .bind(self.username.as_deref())
            .bind(self.deleted)
            .bind(to_json(self))
    }

    fn read(row: &SqliteRow) -> Result<(UserId, Self), StoreError> {
        let user: User = from_json("user", row.try_get("document")?)?;
        Ok((user.id, Self::new(user)))
    }
}

/// The users by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct UserIndex(HashMap<String, UserId>);

impl Index<Arc<User>> for UserIndex {
    fn insert(&mut self, id: &UserId, user: &mut Arc<User>) {
        if let Some(name) = &user.username {
            self.0.insert(name.clone(), *id);
        }
    }

    fn remove(&mut self, _: &UserId, user: &Arc<User>) {
        if let Some(name) = &user.username {
            self.0.remove(name);
        }
    }
}

impl Table<Arc<User>> {
    /// A user who is not deleted.
    pub(crate) fn active(&self, id: UserId) -> Option<&Arc<User>> {
        self.get(&id).filter(|user| !user.deleted)
    }

    /// As [`UserRef::find_in`].
    pub(crate) fn find(&self, named: &UserRef) -> Option<&Arc<User>> {
        let by_name = named.as_username().and_then(|name| self.index.0.get(name));
        let id = by_name.copied().or_else(|| named.as_id())?;
        self.get(&id)
    }

    /// Whether another user has the name.
    pub(crate) fn is_name_taken(&self, user: &User) -> bool {
        let name = user.username.as_deref();
        let owner = name.and_then(|name| self.index.0.get(name));
        owner.is_some_and(|owner| *owner != user.id)
    }

    /// Inserts a user, or replaces the one of the same id. Errors: another user has the name.
    pub(crate) fn put_user(
        &mut self,
        user: &User,
        batch: &mut WriteBatch<'_>,
    ) -> Result<(), StoreError> {
        if self.is_name_taken(user) {
            return Err(StoreError::NameTaken {
                name: user.display_name(),
            });
        }
        self.put(user.id, Arc::new(user.clone()), batch);
        Ok(())
    }

    /// Releases the username of the stored user of this id, if `user` has another name. Returns the stored user.
    pub(crate) fn take_name(
        &mut self,
        user: &User,
        batch: &mut WriteBatch<'_>,
    ) -> Option<Arc<User>> {
        let known = Arc::clone(self.get(&user.id)?);
        if known.username == user.username {
            return None;
        }
        let nameless = User {
            username: None,
            ..User::clone(&known)
        };
        self.put(user.id, Arc::new(nameless), batch);
        Some(known)
    }

    /// The id after the highest one. None if there is none.
    pub(crate) fn next_id(&self) -> Option<UserId> {
        let last = self.keys().map(|id| id.0).max().unwrap_or_default();
        last.max(0).checked_add(1).map(UserId)
    }
}
