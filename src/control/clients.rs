//! Operations on clients: create, read, change, delete.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::error::{ControlError, ControlResult};
use crate::invalid::Invalid;
use crate::model::client::Client;
use crate::model::client_spec::ClientSpec;
use crate::protocol::ids::ClientId;
use crate::protocol::secret::Secret;
use crate::sandbox::Sandbox;

/// The most clients that control calls create in a sandbox.
const MAX_CLIENTS: usize = 10_000;

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

/// `{"clients":[…]}`.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct ClientList {
    pub(crate) clients: Vec<Client>,
}

impl Sandbox {
    /// Every client.
    pub(crate) fn list_clients(&self) -> Vec<Client> {
        self.data().list_clients()
    }

    /// Creates a client, with a UUID as its default id.
    pub(crate) async fn create_client(&self, mut spec: ClientSpec) -> ControlResult<Client> {
        spec.id.get_or_insert_with(|| self.entropy.uuid());
        let declared = &self.settings().rules.declared_scopes;
        let client = spec.create(&self.data().list_users(), declared)?;
        let inserted = self.data().insert_client(&client, MAX_CLIENTS);
        if !inserted.await? {
            let error = Invalid::new(
                "id",
                format!("client {:?} already exists", client.id.as_str()),
            );
            return Err(ControlError::Conflict(
                error.with_hint("PATCH the client, or omit the id"),
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
    pub(crate) async fn update_client(&self, id: &str, spec: ClientSpec) -> ControlResult<Client> {
        let (users, settings) = (self.data().list_users(), self.settings());
        let declared = &settings.rules.declared_scopes;
        let patched = |before: &Client| Ok(spec.change(before.clone(), &users, declared)?);
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
