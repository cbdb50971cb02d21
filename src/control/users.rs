//! Users by control call: create, read, change, delete.

use serde::Serialize;
use serde_json::Value;

use super::error::{ControlError, ControlResult};
use super::patch_struct::patch_struct;
use crate::http::session;
use crate::invalid::{self, Invalid};
use crate::model::user::{Buzz, User, UserRef};
use crate::sandbox::Sandbox;
use crate::store::StoreError;

patch_struct! {
    /// A user to be made, or what of one is to be changed: only the keys that are given. What they mean, and what they
    /// are by default, is told at [`User`].
    ///
    /// ```
    /// use civitai_oauth_mock::control::UserSpec;
    ///
    /// let tester = UserSpec::named("mia").roles(["tester"]);
    /// let nameless = UserSpec::new().no_username().muted(true);
    /// # let _ = (tester, nameless);
    /// ```
    UserSpec {
        /// The id; without one, a new user gets the next that is free. It cannot be changed.
        set id: i64;
        /// What they are called.
        null username: String, no_username;
        /// Their address.
        null email: String, no_email;
        /// Whether they have shown that it is theirs.
        set email_verified: bool;
        /// The URL of their avatar.
        null image: String, no_image;
        /// Whether they are a moderator.
        set moderator: bool;
        /// The membership, for example `gold`.
        null tier: String, no_tier;
        /// What they are besides, for example `tester`.
        list roles: String;
        /// What they have subscribed to.
        list subscriptions: String;
        /// Whether they may not write.
        set muted: bool;
        /// Whether they are shut out.
        set banned: bool;
        /// Whether their account is gone: they cannot sign in, and userinfo refuses their tokens.
        set deleted: bool;
        /// What they have to spend; what has been spent stays so.
        set buzz: Buzz;
    }
}

/// The most users that control calls create in a sandbox.
const MAX_USERS: usize = 10_000;

impl UserSpec {
    /// Somebody of this username.
    pub fn named(username: impl Into<String>) -> Self {
        Self::new().username(username)
    }
}

impl Sandbox {
    /// Every user, by id.
    pub(crate) fn list_users(&self) -> Vec<User> {
        self.world().list_users()
    }

    /// A new user; without an `id`, under the one after the last.
    pub(crate) async fn create_user(&self, spec: UserSpec) -> ControlResult<User> {
        let with_own_id = spec.id.is_some();
        let id = spec.id.unwrap_or_default();
        let user: User = invalid::from_json(as_json(&UserSpec {
            id: Some(id),
            ..spec
        }))?;
        user.check()?;
        let username = user.username.clone();
        if let Some(made) = self
            .store
            .insert_user(self.world(), user, with_own_id, MAX_USERS)
            .await?
        {
            return Ok(made);
        }
        let has_id = |id| self.world().find_user(&UserRef::Id(id)).is_some();
        Err(ControlError::Conflict(if with_own_id && has_id(id) {
            Invalid::new("id", format!("there is a user {id} already"))
                .with_hint("PATCH the user, or leave the id out")
        } else if !with_own_id && has_id(i64::MAX) {
            Invalid::new("id", "the last id that there is belongs to a user")
                .with_hint("give an id")
        } else {
            second_name(&username.unwrap_or_default())
        }))
    }

    /// The user who is named, deleted or not.
    pub(crate) fn read_user(&self, named: &UserRef) -> ControlResult<User> {
        match self.world().find_user(named) {
            Some(user) => Ok(user),
            None => Err(self.nobody(named)),
        }
    }

    /// Changes some keys of a user.
    pub(crate) async fn patch_user(&self, named: &UserRef, spec: UserSpec) -> ControlResult<User> {
        let id = self.read_user(named)?.id;
        let patched = |before: &User| {
            let user: User = invalid::from_json(merge_json(before, &spec))?;
            if user.id != before.id {
                let message = format!("{} is not {}: an id stays", user.id, before.id);
                return Err(Invalid::new("id", message).into());
            }
            user.check()?;
            Ok(user)
        };
        let changed = self
            .store
            .change_user(self.world(), id, spec.buzz, patched)
            .await;
        match changed {
            Ok(Some(user)) => Ok(user),
            Ok(None) => Err(self.nobody(named)),
            Err(ControlError::Store(StoreError::NameTaken { name })) => {
                Err(ControlError::Conflict(second_name(&name)))
            }
            Err(error) => Err(error),
        }
    }

    fn nobody(&self, named: &UserRef) -> ControlError {
        ControlError::NotFound(session::unknown_user_error(self, "id", named))
    }

    /// Removes a user.
    pub(crate) async fn delete_user(&self, named: &UserRef) -> ControlResult<()> {
        let user = self.read_user(named)?;
        self.store.delete_user(self.world(), user.id).await?;
        self.note_tokens_ended();
        Ok(())
    }
}

fn second_name(name: &str) -> Invalid {
    Invalid::new("username", format!("another user is named {name:?}"))
}

pub(crate) fn as_json(shown: &impl Serialize) -> Value {
    serde_json::to_value(shown).expect("what the API takes and shows is JSON")
}

/// The keys that are given in place of those that were.
pub(crate) fn merge_json(before: &impl Serialize, given: &impl Serialize) -> Value {
    let mut whole = as_json(before);
    if let (Some(whole), Value::Object(given)) = (whole.as_object_mut(), as_json(given)) {
        whole.extend(given);
    }
    whole
}
