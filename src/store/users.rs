//! Operations on users.

use crate::model::account::Account;
use crate::model::user::{Buzz, User, UserRef};
use crate::protocol::ids::UserId;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::grant_tables::{GrantTable, UserClientFilter};

impl SandboxData {
    /// A user by id or by username, deleted or not.
    pub(crate) fn find_user(&self, named: &UserRef) -> Option<User> {
        let tables = self.read();
        let user = tables.users.find(named)?;
        Some(tables.user_with_balance(user))
    }

    /// The id of a user, deleted or not.
    pub(crate) fn user_id(&self, named: &UserRef) -> Option<UserId> {
        self.read().users.find(named).map(|user| user.id)
    }

    /// A user's accounts.
    pub(crate) fn accounts(&self, user: UserId) -> Vec<Account> {
        self.read().accounts.list(user)
    }

    /// Every user, by id.
    pub(crate) fn list_users(&self) -> Vec<User> {
        let tables = self.read();
        let all = tables.users.values();
        let mut found: Vec<User> = all.map(|user| tables.user_with_balance(user)).collect();
        drop(tables);
        found.sort_by_key(|user| user.id);
        found
    }

    /// Changes a user, if they exist, and sets their balances, if `change` returns some. Parallel changes run one after
    /// another, so that none is lost. `change` runs under the lock of the data and must not read it. Errors: the database's,
    /// that another user has the name, and those of `change`.
    pub(crate) async fn change_user<E: From<StoreError>>(
        &self,
        id: UserId,
        change: impl FnOnce(&User) -> Result<(User, Option<Buzz>), E>,
    ) -> Result<Option<User>, E> {
        self.change(|tables, batch| {
            let known = tables.users.get(&id)?;
            let changed = change(&tables.user_with_balance(known)).and_then(|(user, buzz)| {
                tables.users.put_user(&user, batch)?;
                if let Some(buzz) = buzz {
                    tables.accounts.set(id, buzz, batch);
                }
                Ok(user)
            });
            Some(changed)
        })
        .await?
        .transpose()
    }

    /// Inserts a user, under the next free id unless `with_own_id`. None if the id or the username is taken: of parallel calls,
    /// one inserts it. Errors: there are `max_users` already.
    pub(crate) async fn insert_user(
        &self,
        mut user: User,
        with_own_id: bool,
        max_users: usize,
    ) -> Result<Option<User>, StoreError> {
        self.change(|tables, batch| {
            if !with_own_id {
                let Some(id) = tables.users.next_id() else {
                    return Ok(None);
                };
                user.id = id;
            }
            let users = &mut tables.users;
            if users.contains_key(&user.id) || users.is_name_taken(&user) {
                return Ok(None);
            }
            check_room(users.len(), max_users, "users in this sandbox")?;
            users.put_user(&user, batch)?;
            tables.accounts.open(user.id, user.buzz, batch);
            Ok(Some(user))
        })
        .await?
    }

    /// Deletes a user with all their rows, and returns whether the user existed.
    pub(crate) async fn delete_user(&self, id: UserId) -> Result<bool, StoreError> {
        self.change(|tables, batch| {
            tables.sessions.remove_of(Some(id), batch);
            tables.remove_grants(UserClientFilter::of_user(id), batch);
            tables.remove(GrantTable::Devices, UserClientFilter::of_user(id), batch);
            tables.accounts.close(id, batch);
            tables.users.remove(&id, batch).is_some()
        })
        .await
    }
}
