//! The `clients` table.

use sqlx::SqliteExecutor;

use super::{Store, StoreError, damaged, from_json, to_json};
use crate::model::client::Client;
use crate::protocol::secret::SecretHash;

/// Puts a client in place of the one with the same id, or after all others.
pub(super) async fn put(
    db: impl SqliteExecutor<'_>,
    sandbox: &str,
    client: &Client,
) -> Result<(), StoreError> {
    sqlx::query(
        "insert into clients (sandbox, id, position, secret_hash, document)
         values (?1, ?2, (select coalesce(max(position), 0) + 1 from clients where sandbox = ?1), ?3, ?4)
         on conflict (sandbox, id) do update set
             secret_hash = excluded.secret_hash, document = excluded.document",
    )
    .bind(sandbox)
    .bind(&client.id)
    .bind(client.secret.as_ref().map(SecretHash::as_bytes))
    .bind(to_json(client))
    .execute(db)
    .await?;
    Ok(())
}

/// The columns that make a client.
pub(super) type Row = (String, Option<Vec<u8>>);

pub(super) fn from_row((document, secret): Row) -> Result<Client, StoreError> {
    let mut client: Client = from_json("client", &document)?;
    client.secret = secret
        .map(|bytes| {
            SecretHash::from_bytes(&bytes).ok_or_else(|| damaged("secret hash", &bytes.len()))
        })
        .transpose()?;
    Ok(client)
}

impl Store {
    /// Puts a client in place of the one with the same id, or after all others.
    pub(crate) async fn put_client(
        &self,
        sandbox: &str,
        client: &Client,
    ) -> Result<(), StoreError> {
        put(&self.pool, sandbox, client).await
    }

    /// Puts a client in that is not there yet. Whether it was not: of many who register one at once, one does.
    pub(crate) async fn insert_client(
        &self,
        sandbox: &str,
        client: &Client,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "insert into clients (sandbox, id, position, secret_hash, document)
             values (?1, ?2, (select coalesce(max(position), 0) + 1 from clients where sandbox = ?1), ?3, ?4)
             on conflict do nothing",
        )
        .bind(sandbox)
        .bind(&client.id)
        .bind(client.secret.as_ref().map(SecretHash::as_bytes))
        .bind(to_json(client))
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Gives a client that has no secret its first. Whether it had none: of many who give one at once, one does.
    pub(crate) async fn give_first_secret(
        &self,
        sandbox: &str,
        client: &Client,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "update clients set secret_hash = ?, document = ?
             where sandbox = ? and id = ? and secret_hash is null",
        )
        .bind(client.secret.as_ref().map(SecretHash::as_bytes))
        .bind(to_json(client))
        .bind(sandbox)
        .bind(&client.id)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// A client by id.
    pub(crate) async fn find_client(
        &self,
        sandbox: &str,
        id: &str,
    ) -> Result<Option<Client>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "select document, secret_hash from clients where sandbox = ? and id = ?",
        )
        .bind(sandbox)
        .bind(id)
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// Every client, in the order of registration.
    pub(crate) async fn list_clients(&self, sandbox: &str) -> Result<Vec<Client>, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select document, secret_hash from clients where sandbox = ? order by position",
        )
        .bind(sandbox)
        .fetch_all(&self.pool)
        .await?;
        rows.into_iter().map(from_row).collect()
    }

    /// Removes a client with its tokens, codes, consents and spends. Whether there was one.
    pub(crate) async fn delete_client(&self, sandbox: &str, id: &str) -> Result<bool, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        for statement in [
            "delete from tokens where sandbox = ? and client_id = ?",
            "delete from codes where sandbox = ? and client_id = ?",
            "delete from consents where sandbox = ? and client_id = ?",
            "delete from spends where sandbox = ? and client_id = ?",
            "delete from workflows where sandbox = ? and client_id = ?",
        ] {
            sqlx::query(statement)
                .bind(sandbox)
                .bind(id)
                .execute(&mut *tx)
                .await?;
        }
        let done = sqlx::query("delete from clients where sandbox = ? and id = ?")
            .bind(sandbox)
            .bind(id)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}
