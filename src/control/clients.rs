//! Operations on clients: create, read, change, delete.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::{ControlError, ControlResult};
use super::patch_struct::patch_struct;
use super::users::{as_json, merge_json};
use crate::invalid::{self, Invalid};
use crate::model::client::{AccessMode, Client};
use crate::model::user::UserRef;
use crate::protocol::grant_type::SupportedGrant;
use crate::protocol::ids::ClientId;
use crate::protocol::scope_input::ScopeSpec;
use crate::protocol::secret::Secret;
use crate::sandbox::Sandbox;
use crate::seed;

patch_struct! {
    /// A client to register, or the changes of one: only the given keys. [`Client`] describes the keys.
    ///
    /// ```
    /// use civitai_oauth_mock::control::{ClientSpec, GrantType};
    ///
    /// let television = ClientSpec::named("Television").grants([GrantType::DeviceCode]);
    /// let backend = ClientSpec::named("Backend")
    ///     .id("backend")
    ///     .secret("not-so-secret")
    ///     .redirect_uris(["https://app.example/callback"]);
    /// # let _ = (television, backend);
    /// ```
    ClientSpec, "ClientPatch" {
        /// The id, a UUID by default. It cannot be changed.
        set id: String;
        /// The name on the consent page. Required for a new client.
        set name: String;
        /// The description on the consent page.
        set description: String;
        /// The URL of its logo.
        null logo_url: String, no_logo_url;
        /// Whether it is confidential; by default, whether a secret is given.
        null confidential: bool, confidential_if_it_has_a_secret;
        /// Its secret.
        null secret: Secret, no_secret;
        /// Its redirect URIs.
        list redirect_uris: String;
        /// Extension of the mock: accepts every loopback redirect URI.
        set any_loopback_redirect: bool;
        /// The origins that may call for it (CORS); by default, those of its redirect URIs.
        null_list allowed_origins: String;
        /// Its grants; by default authorization code and refresh token.
        list grants: SupportedGrant;
        /// The largest scope of its tokens; by default Full Access.
        set allowed_scopes: ScopeSpec;
        /// Whether the consent page shows the verified badge.
        set verified: bool;
        /// The users that may use it.
        set access_mode: AccessMode;
        /// Whether it may call `/introspect`, if it is confidential.
        set may_introspect: bool;
        /// Its owner; by default the first user.
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

/// A client to create: [`ClientSpec`] with a name.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
pub(crate) struct NewClient(pub(crate) ClientSpec);

/// A client's new secret, which is never shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct NewSecret {
    /// The client.
    pub client_id: ClientId,
    /// The secret.
    pub client_secret: Secret,
}

impl Sandbox {
    /// Every client.
    pub(crate) fn list_clients(&self) -> Vec<Client> {
        self.data().list_clients()
    }

    /// Creates a client, with a UUID as its default id.
    pub(crate) async fn create_client(&self, mut spec: ClientSpec) -> ControlResult<Client> {
        spec.id.get_or_insert_with(|| self.entropy.uuid());
        let spec: seed::ClientSpec = invalid::from_json(as_json(&spec))?;
        let settings = self.settings();
        let declared = &settings.rules.declared_scopes;
        let client = spec.resolve(&self.data().list_users(), declared)?;
        let inserted = self.data().insert_client(&client, MAX_CLIENTS);
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
        if let Some(client) = self.data().find_client(id) {
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
        let (users, settings) = (self.data().list_users(), self.settings());
        let patched = |before: &Client| {
            // `adopted` is set by the first request and is no key of the input.
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
        match self.data().change_client(id, change).await? {
            Some(client) => Ok(client),
            None => Err(self.no_client(id)),
        }
    }

    /// Replaces the secret of a client. The new secret is shown only here.
    pub(crate) async fn rotate_secret(&self, id: &str) -> ControlResult<NewSecret> {
        let mut generated = None;
        let rotated = |client: &Client| {
            if !client.confidential {
                let error =
                    Invalid::new("id", format!("client {id:?} is public: it has no secret"));
                return Err(error
                    .with_hint("PATCH it with {\"confidential\":true} first")
                    .into());
            }
            Ok(Client {
                secret: Some(generated.insert(self.entropy.client_secret()).hash()),
                ..client.clone()
            })
        };
        let client = self.change_client(id, rotated).await?;
        Ok(NewSecret {
            client_id: client.id,
            client_secret: generated.expect("a client that was changed has its secret"),
        })
    }

    /// Deletes a client with its tokens, codes and consents.
    pub(crate) async fn delete_client(&self, id: &str) -> ControlResult<()> {
        let client = self.read_client(id)?;
        self.data().delete_client(client.id.as_str()).await?;
        Ok(())
    }
}
