//! Clients by control call: create, read, change, delete.

use std::sync::Arc;

use serde::Serialize;

use super::error::{ControlError, ControlResult};
use super::patch_struct::patch_struct;
use super::users::{as_json, merge_json};
use crate::invalid::{self, Invalid};
use crate::model::client::{AccessMode, Client, Grant};
use crate::model::user::UserRef;
use crate::protocol::ids::ClientId;
use crate::protocol::scope_input::ScopeSpec;
use crate::protocol::secret::Secret;
use crate::sandbox::Sandbox;
use crate::seed;

patch_struct! {
    /// A client to be registered, or what of one is to be changed: only the keys that are given. What they mean is told
    /// at [`Client`].
    ///
    /// ```
    /// use civitai_oauth_mock::control::{ClientSpec, Grant};
    ///
    /// let television = ClientSpec::named("Television").grants([Grant::DeviceCode]);
    /// let backend = ClientSpec::named("Backend")
    ///     .id("backend")
    ///     .secret("not-so-secret")
    ///     .redirect_uris(["https://app.example/callback"]);
    /// # let _ = (television, backend);
    /// ```
    ClientSpec {
        /// The id; without one, a new client gets a UUID. It cannot be changed.
        set id: String;
        /// What the consent page calls it. A new client needs one.
        set name: String;
        /// What the consent page says of it.
        set description: String;
        /// The URL of its picture, told to devices.
        null logo_url: String, no_logo_url;
        /// Whether it has a secret; by default, whether one is given.
        null confidential: bool, confidential_if_it_has_a_secret;
        /// What it proves itself by.
        null secret: Secret, no_secret;
        /// Where a browser may be sent with an answer for it.
        list redirect_uris: String;
        /// Our extension: any loopback redirect URI will do.
        set any_loopback_redirect: bool;
        /// The pages that may call for it; by default, those that its redirect URIs are of.
        null_list allowed_origins: String;
        /// What it may ask for tokens by; by default a code and a refresh token.
        list grants: Grant;
        /// The most that a token of it may carry; by default Full Access.
        set allowed_scopes: ScopeSpec;
        /// Whether the consent page shows the badge.
        set verified: bool;
        /// Whom it is open to.
        set access_mode: AccessMode;
        /// Whether it may call `/introspect`, if it is confidential.
        set may_introspect: bool;
        /// Whose it is; by default the first user's.
        null owner: UserRef, owned_by_the_first_user;
    }
}

/// The most clients that control calls create in a sandbox.
const MAX_CLIENTS: usize = 10_000;

impl ClientSpec {
    /// A client of this name.
    pub fn named(name: impl Into<String>) -> Self {
        Self::new().name(name)
    }
}

/// A client's new secret, which nobody is shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NewSecret {
    /// Whose it is.
    pub client_id: ClientId,
    /// The secret.
    pub client_secret: Secret,
}

impl Sandbox {
    /// Every client.
    pub(crate) fn list_clients(&self) -> Vec<Client> {
        self.world().list_clients()
    }

    /// A new client; without an `id`, under a UUID.
    pub(crate) async fn create_client(&self, mut spec: ClientSpec) -> ControlResult<Client> {
        spec.id.get_or_insert_with(|| self.entropy.uuid());
        let spec: seed::ClientSpec = invalid::from_json(as_json(&spec))?;
        let settings = self.settings();
        let declared = &settings.rules.declared_scopes;
        let client = spec.resolve(&self.world().list_users(), declared)?;
        let inserted = self.store.insert_client(self.world(), &client, MAX_CLIENTS);
        if !inserted.await? {
            let error = Invalid::new(
                "id",
                format!("there is a client {:?} already", client.id.as_str()),
            );
            return Err(ControlError::Conflict(
                error.with_hint("PATCH the client, or leave the id out"),
            ));
        }
        Ok(client)
    }

    /// The client of this id.
    pub(crate) fn read_client(&self, id: &str) -> ControlResult<Client> {
        if let Some(client) = self.world().find_client(id) {
            return Ok(Arc::unwrap_or_clone(client));
        }
        Err(self.no_client(id))
    }

    fn no_client(&self, id: &str) -> ControlError {
        let clients = self.list_clients();
        let ids: Vec<&str> = clients.iter().map(|client| client.id.as_str()).collect();
        let error = Invalid::new("id", format!("no client {id:?}"));
        let there = if ids.is_empty() {
            "there are no clients".to_owned()
        } else {
            format!("there are {}", ids.join(", "))
        };
        ControlError::NotFound(error.with_nearest(id, ids, there))
    }

    /// Changes some keys of a client.
    pub(crate) async fn patch_client(&self, id: &str, spec: ClientSpec) -> ControlResult<Client> {
        let (users, settings) = (self.world().list_users(), self.settings());
        let patched = |before: &Client| {
            // It is decided by the first request, and no key of a description.
            let shown = Client {
                adopted: false,
                ..before.clone()
            };
            let patched: seed::ClientSpec = invalid::from_json(merge_json(&shown, &spec))?;
            if patched.id != before.id {
                let message = format!("{} is not {id}: an id stays", patched.id);
                return Err(Invalid::new("id", message).into());
            }
            let mut client = patched.resolve(&users, &settings.rules.declared_scopes)?;
            client.adopted = before.adopted;
            if spec.secret.is_none() {
                client.secret = client.secret.or(before.secret);
            }
            Ok(client)
        };
        self.change_client(id, patched).await
    }

    async fn change_client(
        &self,
        id: &str,
        change: impl FnOnce(&Client) -> ControlResult<Client>,
    ) -> ControlResult<Client> {
        match self.store.change_client(self.world(), id, change).await? {
            Some(client) => Ok(client),
            None => Err(self.no_client(id)),
        }
    }

    /// Gives a client a new secret, shown here and never again.
    pub(crate) async fn rotate_secret(&self, id: &str) -> ControlResult<NewSecret> {
        let mut drawn = None;
        let rotated = |client: &Client| {
            if !client.confidential {
                let error =
                    Invalid::new("id", format!("client {id:?} is public: it has no secret"));
                return Err(error
                    .with_hint("PATCH it with {\"confidential\":true} first")
                    .into());
            }
            Ok(Client {
                secret: Some(drawn.insert(self.entropy.client_secret()).hash()),
                ..client.clone()
            })
        };
        let client = self.change_client(id, rotated).await?;
        Ok(NewSecret {
            client_id: client.id,
            client_secret: drawn.expect("a client that was changed has its secret"),
        })
    }

    /// Removes a client, with its tokens, codes and consents.
    pub(crate) async fn delete_client(&self, id: &str) -> ControlResult<()> {
        let client = self.read_client(id)?;
        self.store
            .delete_client(self.world(), client.id.as_str())
            .await?;
        self.note_tokens_ended();
        Ok(())
    }
}
