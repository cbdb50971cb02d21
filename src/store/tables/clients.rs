//! The `clients` table.

use crate::model::client::Client;
use crate::protocol::secret::SecretHash;
use crate::store::columns::{ROW_BYTES, damaged, from_json, to_json};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::SqliteConnection;
use std::collections::HashMap;
use std::sync::Arc;

/// Every client of a sandbox, and its place in the order of registration.
#[derive(Debug, Default, Clone)]
pub(crate) struct ClientTable {
    pub(crate) by_id: HashMap<String, (i64, Arc<Client>)>,
    last: i64,
}

impl ClientTable {
    /// Replaces the client of the same id, or adds one after all others. Returns whether it replaced one.
    pub(crate) fn put(&mut self, client: &Client, batch: &mut WriteBatch<'_>) -> bool {
        let before = self.by_id.get(client.id.as_str());
        let is_known = before.is_some();
        let position = before.map_or(self.last + 1, |(position, _)| *position);
        self.put_at(position, client);
        batch.push(|key| put(key, position, client));
        is_known
    }

    pub(crate) fn size_in_bytes(&self) -> usize {
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

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows: Vec<(i64, String, Option<Vec<u8>>)> =
            sqlx::query_as("select position, document, secret_hash from clients where sandbox = ?")
                .bind(key)
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

fn put(key: &str, position: i64, client: &Client) -> Statement {
    Statement::new(
        "insert or replace into clients (sandbox, id, position, secret_hash, document) values (?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(&client.id)
    .bind(position)
    .bind(client.secret.as_ref().map(SecretHash::as_bytes))
    .bind(to_json(client))
}

pub(crate) fn delete(key: &str, id: &str) -> Statement {
    Statement::new("delete from clients where sandbox = ? and id = ?")
        .bind(key)
        .bind(id)
}
