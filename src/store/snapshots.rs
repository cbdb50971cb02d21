//! The `snapshots` table, and the copying of a sandbox's rows to another name and back.

use sqlx::{Sqlite, Transaction};

use super::{Store, StoreError};
use crate::protocol::time::Timestamp;

/// Each table's rows, copied from one sandbox to another.
const COPIES: [&str; 7] = [
    "insert into users (sandbox, id, username, deleted, document)
     select ?2, id, username, deleted, document from users where sandbox = ?1",
    "insert into clients (sandbox, id, position, secret_hash, document)
     select ?2, id, position, secret_hash, document from clients where sandbox = ?1",
    "insert into sessions (sandbox, hash, user_id, expires_at)
     select ?2, hash, user_id, expires_at from sessions where sandbox = ?1",
    "insert into consents (sandbox, user_id, client_id, scope, buzz_limit, updated_at)
     select ?2, user_id, client_id, scope, buzz_limit, updated_at from consents where sandbox = ?1",
    "insert into codes (sandbox, hash, client_id, user_id, scope, redirect_uri, challenge, nonce,
                        issued_at, expires_at, kept_until)
     select ?2, hash, client_id, user_id, scope, redirect_uri, challenge, nonce,
            issued_at, expires_at, kept_until from codes where sandbox = ?1",
    "insert into tokens (sandbox, hash, kind, client_id, user_id, scope, issued_at, expires_at)
     select ?2, hash, kind, client_id, user_id, scope, issued_at, expires_at
     from tokens where sandbox = ?1",
    "insert into device_codes (sandbox, hash, user_code_hash, client_id, scope, status, user_id, expires_at)
     select ?2, hash, user_code_hash, client_id, scope, status, user_id, expires_at
     from device_codes where sandbox = ?1",
];

/// A snapshot as it is listed.
#[derive(Debug, sqlx::FromRow)]
pub(crate) struct Snapshot {
    pub(crate) name: String,
    pub(crate) taken_at: Timestamp,
}

fn kept_as(sandbox: &str, name: &str) -> String {
    format!("{sandbox}@{name}")
}

async fn copy(tx: &mut Transaction<'_, Sqlite>, from: &str, to: &str) -> Result<(), StoreError> {
    super::worlds::empty(tx, to).await?;
    for statement in COPIES {
        sqlx::query(statement)
            .bind(from)
            .bind(to)
            .execute(&mut **tx)
            .await?;
    }
    Ok(())
}

impl Store {
    /// Keeps a sandbox's rows under a name, in place of those kept before.
    pub(crate) async fn take_snapshot(
        &self,
        sandbox: &str,
        name: &str,
        state: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        copy(&mut tx, sandbox, &kept_as(sandbox, name)).await?;
        sqlx::query(
            "insert into snapshots (sandbox, name, state, taken_at) values (?, ?, ?, ?)
             on conflict (sandbox, name) do update set
                 state = excluded.state, taken_at = excluded.taken_at",
        )
        .bind(sandbox)
        .bind(name)
        .bind(state)
        .bind(now)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// Puts the rows of a snapshot in place of the sandbox's. What comes back is its state, if there is one.
    pub(crate) async fn restore_snapshot(
        &self,
        sandbox: &str,
        name: &str,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        let state: Option<String> =
            sqlx::query_scalar("select state from snapshots where sandbox = ? and name = ?")
                .bind(sandbox)
                .bind(name)
                .fetch_optional(&mut *tx)
                .await?;
        if state.is_some() {
            copy(&mut tx, &kept_as(sandbox, name), sandbox).await?;
        }
        tx.commit().await?;
        Ok(state)
    }

    /// The snapshots of a sandbox, by name.
    pub(crate) async fn list_snapshots(&self, sandbox: &str) -> Result<Vec<Snapshot>, StoreError> {
        let found =
            sqlx::query_as("select name, taken_at from snapshots where sandbox = ? order by name")
                .bind(sandbox)
                .fetch_all(&self.pool)
                .await?;
        Ok(found)
    }

    /// Forgets a snapshot. Whether there was one.
    pub(crate) async fn delete_snapshot(
        &self,
        sandbox: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        let mut tx = self.pool.begin_with("begin immediate").await?;
        super::worlds::empty(&mut tx, &kept_as(sandbox, name)).await?;
        let done = sqlx::query("delete from snapshots where sandbox = ? and name = ?")
            .bind(sandbox)
            .bind(name)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(done.rows_affected() > 0)
    }
}
