//! Users by control call: create, read, change, delete.

use serde_json::Value;

use super::{ControlError, Outcome};
use crate::invalid::{self, Invalid};
use crate::model::user::{User, UserRef};
use crate::oauth::session;
use crate::sandbox::Sandbox;

impl Sandbox {
    /// A new user with the keys of the seed format; without an `id`, the next free one.
    pub(crate) async fn create_user(&self, mut input: Value) -> Outcome<User> {
        if let Some(object) = input.as_object_mut()
            && !object.contains_key("id")
        {
            let id = self.store.next_user_id(self.name()).await?;
            object.insert("id".to_owned(), id.0.into());
        }
        let user: User = invalid::from_json(input)?;
        if self
            .store
            .find_user(self.name(), &UserRef::Id(user.id.0))
            .await?
            .is_some()
        {
            let why = Invalid::new("id", format!("a second user {}", user.id));
            return Err(ControlError::Conflict(
                why.with_hint("PATCH the user, or leave the id out"),
            ));
        }
        self.keep_user(user).await
    }

    /// The user whom the path names, deleted or not.
    pub(crate) async fn read_user(&self, named: &str) -> Outcome<User> {
        match self
            .store
            .find_user(self.name(), &UserRef::from(named))
            .await?
        {
            Some(user) => Ok(user),
            None => Err(ControlError::NotFound(
                session::no_user(self, "id", named).await?,
            )),
        }
    }

    /// Changes some keys of a user.
    pub(crate) async fn patch_user(&self, named: &str, input: Value) -> Outcome<User> {
        let before = self.read_user(named).await?;
        let user: User = invalid::from_json(overlay(&before, input)?)?;
        if user.id != before.id {
            let why = format!("{} is not {}: an id stays", user.id, before.id);
            return Err(Invalid::new("id", why).into());
        }
        self.keep_user(user).await
    }

    /// Removes a user.
    pub(crate) async fn delete_user(&self, named: &str) -> Outcome<()> {
        let user = self.read_user(named).await?;
        self.store.delete_user(self.name(), user.id).await?;
        Ok(())
    }

    async fn keep_user(&self, user: User) -> Outcome<User> {
        if let Some(name) = &user.username {
            let namesake = self
                .store
                .find_user(self.name(), &UserRef::Name(name.clone()))
                .await?;
            if namesake.is_some_and(|known| known.id != user.id) {
                let why = Invalid::new("username", format!("a second user {name:?}"));
                return Err(ControlError::Conflict(why));
            }
        }
        self.store.put_user(self.name(), &user).await?;
        Ok(user)
    }
}

/// The keys of `input` in place of those that `before` has.
pub(super) fn overlay(before: &impl serde::Serialize, input: Value) -> Result<Value, Invalid> {
    let mut whole = serde_json::to_value(before).expect("what the API shows is JSON");
    match (whole.as_object_mut(), input) {
        (Some(whole), Value::Object(changes)) => whole.extend(changes),
        (_, other) => {
            return Err(Invalid::new(
                "",
                format!("{other} is not an object of keys to change"),
            ));
        }
    }
    Ok(whole)
}
