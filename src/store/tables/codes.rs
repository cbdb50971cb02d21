//! The `codes` table: authorization codes, each for one redemption.

use super::grant_tables::UserClientFilter;
use super::sql::{TableSql, table_sql};
use super::table::{ExpiringRow, GrantRow, Row, Table};
use crate::model::code::AuthorizationCode;
use crate::protocol::ids::ClientId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::{ROW_BYTES, scope, secret_hash};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

/// The most codes of a sandbox.
pub(crate) const MAX_CODES: usize = if cfg!(test) { 200 } else { 10_000 };

/// A code that has not been redeemed, and the number of its row in the file.
#[derive(Debug, Clone)]
pub(crate) struct StoredCode {
    pub(crate) number: i64,
    pub(crate) code: AuthorizationCode,
}

impl Row for StoredCode {
    type Key = SecretHash;
    type Index = ();

    const SQL: TableSql = table_sql!(
        "codes",
        key: "number" = "?",
        columns: "hash, client_id, user_id, scope, redirect_uri, challenge, nonce, issued_at, expires_at, kept_until"
            = "?, ?, ?, ?, ?, ?, ?, ?, ?, ?",
        bytes: "256 + octet_length(redirect_uri) + octet_length(challenge) + coalesce(octet_length(nonce), 0)"
    );

    fn number(&self) -> i64 {
        self.number
    }

    fn size_in_bytes(&self) -> usize {
        let code = &self.code;
        let nonce = code.nonce.as_ref().map_or(0, String::len);
        ROW_BYTES + code.redirect_uri.len() + code.challenge.0.len() + nonce
    }

    fn bind_key(&self, _: &SecretHash, statement: Statement) -> Statement {
        statement.bind(self.number)
    }

    fn bind_columns(&self, hash: &SecretHash, statement: Statement) -> Statement {
        let code = &self.code;
        statement
            .bind(hash.as_bytes())
            .bind(&code.client_id)
            .bind(code.user_id)
            .bind(code.scope.bits())
            .bind(&code.redirect_uri)
            .bind(&code.challenge.0)
            .bind(code.nonce.as_deref())
            .bind(code.issued_at)
            .bind(code.expires_at)
            .bind(code.retained_until)
    }

    fn read(row: &SqliteRow) -> Result<(SecretHash, Self), StoreError> {
        let code = AuthorizationCode {
            client_id: row.try_get("client_id")?,
            user_id: row.try_get("user_id")?,
            scope: scope(row)?,
            redirect_uri: row.try_get("redirect_uri")?,
            challenge: row.try_get("challenge")?,
            nonce: row.try_get("nonce")?,
            issued_at: row.try_get("issued_at")?,
            expires_at: row.try_get("expires_at")?,
            retained_until: row.try_get("kept_until")?,
        };
        let number = row.try_get("number")?;
        let hash = secret_hash("code hash", row.try_get("hash")?)?;
        Ok((hash, Self { number, code }))
    }
}

impl GrantRow for StoredCode {
    fn matches(&self, filter: UserClientFilter<'_>) -> bool {
        filter.matches(self.code.user_id, &self.code.client_id)
    }
}

impl ExpiringRow for StoredCode {
    const DELETE_EXPIRED: &'static str = "delete from codes where sandbox = ? and kept_until < ?";

    fn retained_until(&self) -> Timestamp {
        self.code.retained_until
    }
}

impl Table<StoredCode> {
    /// A code of this client, expired or not, until it is purged.
    pub(crate) fn find(
        &self,
        hash: &SecretHash,
        client: &ClientId,
        now: Timestamp,
    ) -> Option<&AuthorizationCode> {
        let code = &self.get(hash)?.code;
        (code.client_id == *client && code.retained_until > now).then_some(code)
    }
}
