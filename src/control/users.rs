//! Operations on users: create, read, change, delete.

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
    /// A user to create, or the changes of one: only the given keys. [`User`] describes the keys and their defaults.
    ///
    /// ```
    /// use civitai_oauth_mock::control::UserSpec;
    ///
    /// let tester = UserSpec::named("mia").roles(["tester"]);
    /// let nameless = UserSpec::new().no_username().muted(true);
    /// # let _ = (tester, nameless);
    /// ```
    UserSpec, "UserPatch" {
        /// The id, by default the one after the largest. It cannot be changed.
        set id: i64;
        /// The username.
        null username: String, no_username;
        /// The email address.
        null email: String, no_email;
        /// Whether the email address is verified.
        set email_verified: bool;
        /// The URL of the avatar.
        null image: String, no_image;
        /// Whether the user is a moderator.
        set moderator: bool;
        /// The membership, for example `gold`.
        null tier: String, no_tier;
        /// The roles, for example `tester`.
        list roles: String;
        /// The subscriptions.
        list subscriptions: String;
        /// Whether the user is muted.
        set muted: bool;
        /// Whether the user is banned.
        set banned: bool;
        /// Whether the account is deleted: the user cannot sign in, and userinfo rejects their tokens.
        set deleted: bool;
        /// The balance; spends do not change.
        set buzz: Buzz;
    }
}

/// The most users that control calls create in a sandbox.
const MAX_USERS: usize = 10_000;

impl UserSpec {
    /// A user with this username.
    pub fn named(username: impl Into<String>) -> Self {
        Self::new().username(username)
    }
}

impl Sandbox {
    /// Every user, by id.
    pub(crate) fn list_users(&self) -> Vec<User> {
        self.data().list_users()
    }

    /// Creates a user, with the id after the largest by default.
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
            .data()
            .insert_user(user, with_own_id, MAX_USERS)
            .await?
        {
            return Ok(made);
        }
        let has_id = |id| self.data().find_user(&UserRef::Id(id)).is_some();
        Err(ControlError::Conflict(if with_own_id && has_id(id) {
            Invalid::new("id", format!("there is a user {id} already"))
                .with_hint("PATCH the user, or leave the id out")
        } else if !with_own_id && has_id(i64::MAX) {
            Invalid::new("id", "the last id that there is belongs to a user")
                .with_hint("give an id")
        } else {
            name_taken(&username.unwrap_or_default())
        }))
    }

    /// The named user, deleted or not.
    pub(crate) fn read_user(&self, named: &UserRef) -> ControlResult<User> {
        match self.data().find_user(named) {
            Some(user) => Ok(user),
            None => Err(self.not_found(named)),
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
        let changed = self.data().change_user(id, spec.buzz, patched).await;
        match changed {
            Ok(Some(user)) => Ok(user),
            Ok(None) => Err(self.not_found(named)),
            Err(ControlError::Store(StoreError::NameTaken { name })) => {
                Err(ControlError::Conflict(name_taken(&name)))
            }
            Err(error) => Err(error),
        }
    }

    fn not_found(&self, named: &UserRef) -> ControlError {
        ControlError::NotFound(session::unknown_user_error(self, "id", named))
    }

    /// Deletes a user.
    pub(crate) async fn delete_user(&self, named: &UserRef) -> ControlResult<()> {
        let user = self.read_user(named)?;
        self.data().delete_user(user.id).await?;
        Ok(())
    }
}

fn name_taken(name: &str) -> Invalid {
    Invalid::new("username", format!("another user is named {name:?}"))
}

pub(crate) fn as_json(shown: &impl Serialize) -> Value {
    serde_json::to_value(shown).expect("what the API takes and shows is JSON")
}

/// The keys of `before`, replaced by the given ones.
pub(crate) fn merge_json(before: &impl Serialize, given: &impl Serialize) -> Value {
    let mut whole = as_json(before);
    if let (Some(whole), Value::Object(given)) = (whole.as_object_mut(), as_json(given)) {
        whole.extend(given);
    }
    whole
}
