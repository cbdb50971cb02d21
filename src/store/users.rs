//! The `users` table. What a user's own document says of buzz is what they began with; what they have now is
//! `accounts.rs`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::draft::Draft;
use super::held::Held;
use super::rows::{ROW_BYTES, Tables};
use super::statement::Statement;
use super::{Rows, Store, StoreError, accounts, from_json, full, sessions, to_json};
use crate::model::user::{Buzz, User, UserRef};
use crate::protocol::ids::UserId;

/// Every user of a world.
#[derive(Debug, Default, Clone)]
pub(super) struct Users {
    by_id: BTreeMap<UserId, Arc<User>>,
    by_name: HashMap<String, UserId>,
}

impl Users {
    /// A user who is not deleted.
    pub(super) fn active(&self, id: UserId) -> Option<&Arc<User>> {
        self.by_id.get(&id).filter(|user| !user.deleted)
    }

    /// As [`UserRef::find_in`].
    fn find(&self, named: &UserRef) -> Option<&Arc<User>> {
        let by_name = named.as_username().and_then(|name| self.by_name.get(name));
        let id = by_name.copied().or_else(|| named.as_id())?;
        self.by_id.get(&id)
    }

    /// Whether another user has the name.
    fn is_name_taken(&self, user: &User) -> bool {
        let name = user.username.as_deref();
        let owner = name.and_then(|name| self.by_name.get(name));
        owner.is_some_and(|owner| *owner != user.id)
    }

    /// Puts a user in place of the one with the same id.
    pub(super) fn put(&mut self, user: &User) -> Result<(), StoreError> {
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

    /// Takes the name from whoever has this user's id, if it is another name. Who that was.
    pub(super) fn take_name(&mut self, user: &User, draft: &mut Draft<'_>) -> Option<Arc<User>> {
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
        draft.note(|world| put(world, &nameless));
        Some(std::mem::replace(known, Arc::new(nameless)))
    }

    pub(super) fn size_in_bytes(&self) -> usize {
        let users = self.by_id.values();
        users.map(|user| ROW_BYTES + to_json(user).len()).sum()
    }

    fn remove(&mut self, id: UserId) -> bool {
        let Some(before) = self.by_id.remove(&id) else {
            return false;
        };
        if let Some(name) = &before.username {
            self.by_name.remove(name);
        }
        true
    }

    /// The id after the last one; nothing where there is none.
    fn next_id(&self) -> Option<UserId> {
        let last = self.by_id.last_key_value().map_or(0, |(id, _)| id.0.max(0));
        last.checked_add(1).map(UserId)
    }

    /// What the file has of a world.
    pub(super) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let documents: Vec<String> =
            sqlx::query_scalar("select document from users where sandbox = ?")
                .bind(world)
                .fetch_all(db)
                .await?;
        let mut users = Self::default();
        for document in documents {
            users.put(&from_json("user", &document)?)?;
        }
        Ok(users)
    }
}

impl Tables {
    /// A user with what is on their accounts now.
    fn person(&self, user: &User) -> User {
        User {
            buzz: self.accounts.buzz(user.id),
            ..user.clone()
        }
    }
}

pub(super) fn put(world: &str, user: &User) -> Statement {
    Statement::new(
        "insert into users (sandbox, id, username, deleted, document) values (?, ?, ?, ?, ?)
         on conflict (sandbox, id) do update set
             username = excluded.username, deleted = excluded.deleted, document = excluded.document",
    )
    .bind(world)
    .bind(user.id)
    .bind(user.username.as_deref())
    .bind(user.deleted)
    .bind(to_json(user))
}

fn delete(world: &str, user: UserId) -> Statement {
    Statement::new("delete from users where sandbox = ? and id = ?")
        .bind(world)
        .bind(user)
}

impl Rows {
    /// A user by id or by username, deleted or not.
    pub(crate) fn find_user(&self, named: &UserRef) -> Option<User> {
        let tables = self.read();
        let user = tables.users.find(named)?;
        Some(tables.person(user))
    }

    /// The id of a user, deleted or not.
    pub(crate) fn user_id(&self, named: &UserRef) -> Option<UserId> {
        self.read().users.find(named).map(|user| user.id)
    }

    /// Every user, by id.
    pub(crate) fn list_users(&self) -> Vec<User> {
        let tables = self.read();
        let all = tables.users.by_id.values();
        all.map(|user| tables.person(user)).collect()
    }
}

impl Store {
    /// Changes a user, if they are there, with so much on their accounts where that is given: of many who change one at once,
    /// each goes on from what the one before has made of it. `change` looks at nothing of the world. Errors: the database's,
    /// that another user has the name, and those of `change`.
    pub(crate) async fn change_user<E: From<StoreError>>(
        &self,
        world: &Rows,
        id: UserId,
        buzz: Option<Buzz>,
        change: impl FnOnce(&User) -> Result<User, E>,
    ) -> Result<Option<User>, E> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                let known = tables.users.by_id.get(&id)?;
                let changed = change(&tables.person(known)).and_then(|user| {
                    tables.users.put(&user)?;
                    draft.note(|world| put(world, &user));
                    if let Some(buzz) = buzz {
                        tables.accounts.set(id, buzz);
                        tables.accounts.note(id, draft);
                    }
                    Ok(user)
                });
                Some(changed)
            })
            .kept()
            .await?
            .transpose()
    }

    /// Puts a user in who is not there yet; without an id of their own, under the one after the last. Nothing where
    /// the id or the username is taken: of many who take it at once, one gets it. Errors: there are `most` users.
    pub(crate) async fn insert_user(
        &self,
        world: &Rows,
        mut user: User,
        with_own_id: bool,
        most: usize,
    ) -> Result<Option<User>, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                if !with_own_id {
                    let Some(id) = tables.users.next_id() else {
                        return Ok(None);
                    };
                    user.id = id;
                }
                let users = &mut tables.users;
                if users.by_id.contains_key(&user.id) || users.is_name_taken(&user) {
                    return Ok(None);
                }
                full(users.by_id.len(), most, "users in this sandbox")?;
                users.put(&user)?;
                draft.note(|world| put(world, &user));
                tables.accounts.open(user.id, user.buzz);
                tables.accounts.note(user.id, draft);
                Ok(Some(user))
            })
            .kept()
            .await?
    }

    /// Removes a user with all that is theirs. Whether there was one.
    pub(crate) async fn delete_user(&self, world: &Rows, id: UserId) -> Result<bool, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                tables.sessions.remove_of(Some(id));
                draft.note(|world| sessions::delete_of(world, Some(id)));
                tables.remove_given((Some(id), None), draft);
                tables.remove(Held::Devices, (Some(id), None), draft);
                tables.accounts.close(id);
                draft.note(|world| accounts::delete(world, id));
                draft.note(|world| delete(world, id));
                tables.users.remove(id)
            })
            .kept()
            .await
    }
}
