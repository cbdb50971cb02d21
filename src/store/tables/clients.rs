//! The `clients` table.

use super::sql::{TableSql, table_sql};
use super::table::Row;
use crate::model::client::Client;
use crate::protocol::secret::SecretHash;
use crate::store::columns::{ROW_BYTES, from_json, secret_hash, to_json};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use std::sync::Arc;

/// A client, and its place in the order of registration.
#[derive(Debug, Clone)]
pub(crate) struct StoredClient {
    pub(crate) position: i64,
    pub(crate) client: Arc<Client>,
}

impl Row for StoredClient {
    type Key = String;
    type Index = ();

    const SQL: TableSql = table_sql!(
        "clients",
        key: "id" = "?",
        columns: "position, secret_hash, document" = "?, ?, ?",
        bytes: "256 + octet_length(document)"
    );

    fn number(&self) -> i64 {
        self.position
    }

    fn size_in_bytes(&self) -> usize {
        ROW_BYTES + to_json(&self.client).len()
    }

    fn bind_key(&self, id: &String, statement: Statement) -> Statement {
        statement.bind(id)
    }

    fn bind_columns(&self, _: &String, statement: Statement) -> Statement {
        let secret = self.client.secret.as_ref();
        statement
            .bind(self.position)
            .bind(secret.map(SecretHash::as_bytes))
            .bind(to_json(&self.client))
    }

    fn read(row: &SqliteRow) -> Result<(String, Self), StoreError> {
        let mut client: Client = from_json("client", row.try_get("document")?)?;
        let secret: Option<&[u8]> = row.try_get("secret_hash")?;
        client.secret = secret
            .map(|bytes| secret_hash("secret hash", bytes))
            .transpose()?;
        let stored = Self {
            position: row.try_get("position")?,
            client: Arc::new(client),
        };
        Ok((stored.client.id.as_str().to_owned(), stored))
    }
}
