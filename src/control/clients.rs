//! Clients by control call: create, read, change, delete.

use serde_json::{Value, json};

use super::users::overlay;
use super::{ControlError, Outcome};
use crate::invalid::{self, Invalid};
use crate::model::client::Client;
use crate::sandbox::Sandbox;
use crate::seed::ClientSpec;

impl Sandbox {
    /// Every client.
    pub(crate) async fn list_clients(&self) -> Outcome<Vec<Client>> {
        Ok(self.store.list_clients(self.world()).await?)
    }

    /// A new client with the keys of the seed format; without an `id`, a UUID.
    pub(crate) async fn create_client(&self, mut input: Value) -> Outcome<Client> {
        if let Some(object) = input.as_object_mut()
            && !object.contains_key("id")
        {
            object.insert("id".to_owned(), self.entropy.client_id().into());
        }
        let spec: ClientSpec = invalid::from_object(input)?;
        let client = self.resolve(spec).await?;
        if !self.store.insert_client(self.world(), &client).await? {
            let why = Invalid::new("id", format!("a second client {:?}", client.id.as_str()));
            return Err(ControlError::Conflict(
                why.with_hint("PATCH the client, or leave the id out"),
            ));
        }
        Ok(client)
    }

    /// The client that the path names.
    pub(crate) async fn read_client(&self, id: &str) -> Outcome<Client> {
        if let Some(client) = self.store.find_client(self.world(), id).await? {
            return Ok(client);
        }
        let clients = self.list_clients().await?;
        let ids: Vec<&str> = clients.iter().map(|client| client.id.as_str()).collect();
        let why = Invalid::new("id", format!("no client {id:?}"));
        let there = if ids.is_empty() {
            "there are no clients".to_owned()
        } else {
            format!("there are {}", ids.join(", "))
        };
        Err(ControlError::NotFound(why.with_nearest(id, ids, there)))
    }

    /// Changes some keys of a client. `"secret": null` takes its secret away.
    pub(crate) async fn patch_client(&self, id: &str, input: Value) -> Outcome<Client> {
        let before = self.read_client(id).await?;
        let adopted = before.adopted;
        let secret = if input.get("secret").is_some() {
            None
        } else {
            before.secret
        };
        let mut whole = overlay(
            &Client {
                adopted: false,
                ..before.clone()
            },
            input,
        )?;
        // Of no use to whoever reads it back: it is decided by the first request.
        whole
            .as_object_mut()
            .and_then(|whole| whole.remove("adopted"));
        let spec: ClientSpec = invalid::from_json(whole)?;
        if spec.id != before.id {
            return Err(Invalid::new("id", format!("{} is not {id}: an id stays", spec.id)).into());
        }
        let mut client = self.resolve(spec).await?;
        client.adopted = adopted;
        client.secret = client.secret.or(secret);
        self.store.put_client(self.world(), &client).await?;
        Ok(client)
    }

    /// Gives a client a new secret, shown here and never again.
    pub(crate) async fn rotate_secret(&self, id: &str) -> Outcome<Value> {
        let mut client = self.read_client(id).await?;
        if !client.confidential {
            let why = Invalid::new("id", format!("client {id:?} is public: it has no secret"));
            return Err(why
                .with_hint("PATCH it with {\"confidential\":true} first")
                .into());
        }
        let secret = self.entropy.client_secret();
        client.secret = Some(secret.hash());
        self.store.put_client(self.world(), &client).await?;
        Ok(json!({ "client_id": client.id, "client_secret": secret.reveal() }))
    }

    /// Removes a client, with its tokens, codes and consents.
    pub(crate) async fn delete_client(&self, id: &str) -> Outcome<()> {
        let client = self.read_client(id).await?;
        self.store
            .delete_client(self.world(), client.id.as_str())
            .await?;
        Ok(())
    }

    async fn resolve(&self, spec: ClientSpec) -> Outcome<Client> {
        let users = self.store.list_users(self.world()).await?;
        Ok(spec.resolve(&users)?)
    }
}
