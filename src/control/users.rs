//! Users by control call: create, read, change, delete.

use serde_json::Value;

use super::{ControlError, Outcome};
use crate::invalid::{self, Invalid};
use crate::model::user::{User, UserRef};
use crate::oauth::session;
use crate::sandbox::Sandbox;

impl Sandbox {
    /// Every user.
    pub(crate) async fn list_users(&self) -> Outcome<Vec<User>> {
        Ok(self.store.list_users(self.world()).await?)
    }

    /// A new user with the keys of the seed format; without an `id`, the next free one.
    pub(crate) async fn create_user(&self, mut input: Value) -> Outcome<User> {
        let with_own_id = input.get("id").is_some();
        if let (false, Some(object)) = (with_own_id, input.as_object_mut()) {
            object.insert("id".to_owned(), 0.into());
        }
        let user: User = invalid::from_object(input)?;
        let (id, username) = (user.id, user.username.clone());
        if let Some(made) = self
            .store
            .insert_user(self.world(), user, with_own_id)
            .await?
        {
            return Ok(made);
        }
        let same_id = self
            .store
            .find_user(self.world(), &UserRef::Id(id.0))
            .await?;
        Err(ControlError::Conflict(
            if with_own_id && same_id.is_some() {
                Invalid::new("id", format!("a second user {id}"))
                    .with_hint("PATCH the user, or leave the id out")
            } else {
                second_name(&username.unwrap_or_default())
            },
        ))
    }

    /// The user whom the path names, deleted or not.
    pub(crate) async fn read_user(&self, named: &str) -> Outcome<User> {
        match self
            .store
            .find_user(self.world(), &UserRef::from(named))
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
        self.store.delete_user(self.world(), user.id).await?;
        Ok(())
    }

    async fn keep_user(&self, user: User) -> Outcome<User> {
        match self.store.put_user(self.world(), &user).await {
            Ok(()) => Ok(user),
            Err(why) if why.is_taken() => Err(ControlError::Conflict(second_name(
                &user.username.unwrap_or_default(),
            ))),
            Err(why) => Err(why.into()),
        }
    }
}

fn second_name(name: &str) -> Invalid {
    Invalid::new("username", format!("a second user {name:?}"))
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
