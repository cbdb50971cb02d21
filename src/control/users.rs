//! Operations on users: create, read, change, delete.

use super::error::{ControlError, ControlResult};
use serde::Serialize;

use crate::http::session;
use crate::invalid::Invalid;
use crate::model::user::{User, UserRef};
use crate::model::user_spec::UserSpec;
use crate::sandbox::Sandbox;
use crate::store::StoreError;

/// The most users that control calls create in a sandbox.
const MAX_USERS: usize = 10_000;

/// `{"users":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct UserList {
    pub(crate) users: Vec<User>,
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
        let spec = UserSpec {
            id: Some(id),
            ..spec
        };
        let user = spec.create()?;
        let username = user.username.clone();
        if let Some(user) = self
            .data()
            .insert_user(user, with_own_id, MAX_USERS)
            .await?
        {
            return Ok(user);
        }
        let has_id = |id| self.data().find_user(&UserRef::Id(id)).is_some();
        Err(ControlError::Conflict(if with_own_id && has_id(id) {
            Invalid::new("id", format!("user {id} already exists"))
                .with_hint("PATCH the user, or omit the id")
        } else if !with_own_id && has_id(i64::MAX) {
            Invalid::new("id", "no free id is left after the highest one").with_hint("give an id")
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
    pub(crate) async fn update_user(&self, named: &UserRef, spec: UserSpec) -> ControlResult<User> {
        self.update_user_with(named, |_| spec).await
    }

    /// The same, with changes that depend on the user. They must not read the data.
    pub(crate) async fn update_user_with(
        &self,
        named: &UserRef,
        changes: impl FnOnce(&User) -> UserSpec,
    ) -> ControlResult<User> {
        let id = self.read_user(named)?.id;
        let patched = |before: &User| {
            let spec = changes(before);
            let buzz = spec.buzz;
            Ok((spec.change(before.clone())?, buzz))
        };
        let changed = self.data().change_user(id, patched).await;
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
    Invalid::new(
        "username",
        format!("another user has the username {name:?}"),
    )
}
