//! The `users` table. What a user's own document says of buzz is what they began with; what they have now is
//! `accounts.rs`.

use crate::model::user::{Buzz, User, UserRef};
use crate::protocol::ids::UserId;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::sandbox_data::Rows;
use crate::store::tables::owner::Held;
use crate::store::tables::users::{delete, put};
use crate::store::tables::{accounts, sessions};

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
        self.begin_write()
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
        self.begin_write()
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
                check_room(users.by_id.len(), most, "users in this sandbox")?;
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
        self.begin_write()
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
