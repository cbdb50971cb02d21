//! The `clients` table.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::draft::Draft;
use super::held::Held;
use super::rows::{ROW_BYTES, Tables};
use super::statement::Statement;
use super::{Rows, Store, StoreError, damaged, from_json, full, to_json};
use crate::model::client::Client;
use crate::protocol::secret::SecretHash;

/// Every client of a world, and its place in the order of registration.
#[derive(Debug, Default, Clone)]
pub(super) struct Clients {
    by_id: HashMap<String, (i64, Arc<Client>)>,
    last: i64,
}

impl Clients {
    /// Puts a client in place of the one with the same id, or after all others. Whether there was one.
    pub(super) fn put(&mut self, client: &Client, draft: &mut Draft<'_>) -> bool {
        let before = self.by_id.get(client.id.as_str());
        let is_known = before.is_some();
        let position = before.map_or(self.last + 1, |(position, _)| *position);
        self.put_at(position, client);
        draft.note(|world| put(world, position, client));
        is_known
    }

    pub(super) fn size_in_bytes(&self) -> usize {
        let clients = self.by_id.values();
        clients
            .map(|(_, client)| ROW_BYTES + to_json(client).len())
            .sum()
    }

    fn put_at(&mut self, position: i64, client: &Client) {
        self.last = self.last.max(position);
        let id = client.id.as_str().to_owned();
        self.by_id.insert(id, (position, Arc::new(client.clone())));
    }

    /// What the file has of a world.
    pub(super) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let rows: Vec<(i64, String, Option<Vec<u8>>)> =
            sqlx::query_as("select position, document, secret_hash from clients where sandbox = ?")
                .bind(world)
                .fetch_all(db)
                .await?;
        let mut clients = Self::default();
        for (position, document, secret) in rows {
            let mut client: Client = from_json("client", &document)?;
            client.secret = secret
                .map(|bytes| {
                    SecretHash::from_bytes(&bytes)
                        .ok_or_else(|| damaged("secret hash", &bytes.len()))
                })
                .transpose()?;
            clients.put_at(position, &client);
        }
        Ok(clients)
    }
}

fn put(world: &str, position: i64, client: &Client) -> Statement {
    Statement::new(
        "insert or replace into clients (sandbox, id, position, secret_hash, document) values (?, ?, ?, ?, ?)",
    )
    .bind(world)
    .bind(&client.id)
    .bind(position)
    .bind(client.secret.as_ref().map(SecretHash::as_bytes))
    .bind(to_json(client))
}

fn delete(world: &str, id: &str) -> Statement {
    Statement::new("delete from clients where sandbox = ? and id = ?")
        .bind(world)
        .bind(id)
}

impl Tables {
    /// As [`Clients::put`]. What a client of the same id has left behind is not a new one's.
    pub(super) fn put_client(&mut self, client: &Client, draft: &mut Draft<'_>) {
        let is_known = self.clients.put(client, draft);
        if !is_known && !self.devices.is_empty() {
            self.remove(Held::Devices, (None, Some(client.id.as_str())), draft);
        }
    }
}

impl Rows {
    /// A client by id.
    pub(crate) fn find_client(&self, id: &str) -> Option<Arc<Client>> {
        let tables = self.read();
        let (_, client) = tables.clients.by_id.get(id)?;
        Some(Arc::clone(client))
    }

    /// Every client, in the order of registration.
    pub(crate) fn list_clients(&self) -> Vec<Client> {
        let tables = self.read();
        let mut found: Vec<_> = tables.clients.by_id.values().cloned().collect();
        drop(tables);
        found.sort_by_key(|(position, _)| *position);
        found
            .into_iter()
            .map(|(_, client)| Arc::unwrap_or_clone(client))
            .collect()
    }
}

impl Store {
    /// Changes a client, if it is there: of many who change one at once, each goes on from what the one before has made of it.
    /// `change` looks at nothing of the world. Errors: the database's, and those of `change`.
    pub(crate) async fn change_client<E: From<StoreError>>(
        &self,
        world: &Rows,
        id: &str,
        change: impl FnOnce(&Client) -> Result<Client, E>,
    ) -> Result<Option<Client>, E> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                let (_, before) = tables.clients.by_id.get(id)?;
                let changed = change(before);
                let put = |client| {
                    tables.clients.put(&client, draft);
                    client
                };
                Some(changed.map(put))
            })
            .kept()
            .await?
            .transpose()
    }

    /// Puts a client in that is not there yet. Whether it was not: of many who register one at once, one does. Errors: there
    /// are `most` clients.
    pub(crate) async fn insert_client(
        &self,
        world: &Rows,
        client: &Client,
        most: usize,
    ) -> Result<bool, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                if tables.clients.by_id.contains_key(client.id.as_str()) {
                    return Ok(false);
                }
                full(tables.clients.by_id.len(), most, "clients in this sandbox")?;
                tables.put_client(client, draft);
                Ok(true)
            })
            .kept()
            .await?
    }

    /// Removes a client with all that it was given. Whether there was one.
    pub(crate) async fn delete_client(&self, world: &Rows, id: &str) -> Result<bool, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                tables.remove_given((None, Some(id)), draft);
                draft.note(|world| delete(world, id));
                tables.clients.by_id.remove(id).is_some()
            })
            .kept()
            .await
    }
}
