//! Users, clients and scopes that the input of an operation names.

use super::error::{ControlError, ControlResult};
use crate::http::session;
use crate::invalid::Invalid;
use crate::model::client::Client;
use crate::model::user::{User, UserRef};
use crate::protocol::scope::Scope;
use crate::protocol::scope_input::ScopeSpec;
use crate::sandbox::Sandbox;

impl Sandbox {
    /// Resolves a scope, with the bits declared in this sandbox.
    pub(crate) fn resolve_scope(&self, spec: &ScopeSpec) -> Result<Scope, Invalid> {
        spec.resolve(&self.settings().rules.declared_scopes)
            .map_err(|error| Invalid::rule("scope", error))
    }

    /// The client that the key `client_id` names.
    pub(crate) fn client_named(&self, id: &str) -> ControlResult<Client> {
        self.read_client(id).map_err(|error| match error {
            ControlError::NotFound(error) => ControlError::Invalid(Invalid {
                path: "client_id".to_owned(),
                ..error
            }),
            other => other,
        })
    }

    /// The named user, deleted or not. `path` is the key of the name in the input.
    pub(crate) fn user_or_deleted(&self, named: &UserRef, path: &str) -> ControlResult<User> {
        match self.data().find_user(named) {
            Some(user) => Ok(user),
            None => Err(session::unknown_user_error(self, path, named).into()),
        }
    }

    /// The named user, unless deleted. `path` is the key of the name in the input.
    pub(crate) fn user(&self, named: &UserRef, path: &str) -> ControlResult<User> {
        let user = self.user_or_deleted(named, path)?;
        if user.deleted {
            return Err(session::unknown_user_error(self, path, named).into());
        }
        Ok(user)
    }
}
