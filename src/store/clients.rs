//! Operations on clients.

use crate::model::client::Client;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::grant_tables::UserClientFilter;
use crate::suggest::closest_match;
use std::sync::Arc;

/// The most clients whose ids are compared with an unknown one.
const MAX_COMPARED: usize = 100;

/// The longest id that is compared: UUIDs and the names that developers choose fit.
const MAX_COMPARED_BYTES: usize = 64;

impl SandboxData {
    /// A client by id.
    pub(crate) fn find_client(&self, id: &str) -> Option<Arc<Client>> {
        let tables = self.read();
        let stored = tables.clients.get(id)?;
        Some(Arc::clone(&stored.client))
    }

    /// Every client, in the order of registration.
    pub(crate) fn list_clients(&self) -> Vec<Client> {
        let tables = self.read();
        let mut found: Vec<_> = tables.clients.values().cloned().collect();
        drop(tables);
        found.sort_by_key(|stored| stored.position);
        found
            .into_iter()
            .map(|stored| Arc::unwrap_or_clone(stored.client))
            .collect()
    }

    /// The id of a client that is most similar to this one. With more clients than [`MAX_COMPARED`], or for a longer id, none:
    /// each comparison takes a microsecond, and any caller may send an unknown id.
    pub(crate) fn closest_client_id(&self, id: &str) -> Option<String> {
        let tables = self.read();
        let clients = &tables.clients;
        if clients.len() > MAX_COMPARED || id.len() > MAX_COMPARED_BYTES {
            return None;
        }
        closest_match(id, clients.keys().map(String::as_str)).map(str::to_owned)
    }

    /// Changes a client, if it exists. Parallel changes run one after another, so that none is lost. `change` runs under the
    /// lock of the data and must not read it. Errors: the database's, and those of `change`.
    pub(crate) async fn change_client<E: From<StoreError>>(
        &self,
        id: &str,
        change: impl FnOnce(&Client) -> Result<Client, E>,
    ) -> Result<Option<Client>, E> {
        self.change(|tables, batch| {
            let changed = change(&tables.clients.get(id)?.client);
            Some(changed.inspect(|client| tables.put_client(client, batch)))
        })
        .await?
        .transpose()
    }

    /// Inserts a client. Returns false if the id is taken: of parallel calls, one inserts it. Errors: there are `max_clients`
    /// already.
    pub(crate) async fn insert_client(
        &self,
        client: &Client,
        max_clients: usize,
    ) -> Result<bool, StoreError> {
        self.change(|tables, batch| {
            if tables.clients.contains_key(client.id.as_str()) {
                return Ok(false);
            }
            let clients = tables.clients.len();
            check_room(clients, max_clients, "clients in this sandbox")?;
            tables.put_client(client, batch);
            Ok(true)
        })
        .await?
    }

    /// Deletes a client with all its grants, and returns whether it existed.
    pub(crate) async fn delete_client(&self, id: &str) -> Result<bool, StoreError> {
        self.change(|tables, batch| {
            tables.remove_grants(UserClientFilter::of_client(id), batch);
            tables.clients.remove(id, batch).is_some()
        })
        .await
    }
}
