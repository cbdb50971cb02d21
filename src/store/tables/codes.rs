//! The `codes` table: authorization codes, each for one redemption.

use crate::model::code::AuthorizationCode;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::pkce::Challenge;
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::{ROW_BYTES, damaged};
use crate::store::error::StoreError;
use crate::store::purge::{Purge, PurgeThreshold};
use crate::store::statement::Statement;
use crate::store::tables::grant_tables::{UserClientFilter, retain_counting};
use crate::store::write_batch::WriteBatch;
use sqlx::SqliteConnection;
use std::collections::HashMap;
use std::sync::Arc;

/// The most codes of a sandbox.
pub(crate) const MAX_CODES: usize = if cfg!(test) { 200 } else { 10_000 };

/// Every code of a sandbox that has not been redeemed.
#[derive(Debug, Default, Clone)]
pub(crate) struct CodeTable {
    pub(crate) by_hash: HashMap<SecretHash, StoredCode>,
    last_number: i64,
    purge_threshold: PurgeThreshold,
}

/// A code, and the number of its row in the file.
#[derive(Debug, Clone)]
pub(crate) struct StoredCode {
    pub(crate) number: i64,
    pub(crate) code: AuthorizationCode,
}

impl CodeTable {
    /// A code of this client, expired or not, until it is purged.
    pub(crate) fn find(
        &self,
        hash: &SecretHash,
        client: &ClientId,
        now: Timestamp,
    ) -> Option<&AuthorizationCode> {
        let code = &self.by_hash.get(hash)?.code;
        (code.client_id == *client && code.retained_until > now).then_some(code)
    }

    /// Returns how many rows are removed.
    pub(crate) fn remove_matching(&mut self, filter: UserClientFilter<'_>) -> u64 {
        retain_counting(&mut self.by_hash, |_, stored| {
            !matches(&stored.code, filter)
        })
    }

    pub(crate) fn size_in_bytes(&self) -> usize {
        let texts = |code: &AuthorizationCode| {
            let nonce = code.nonce.as_ref().map_or(0, String::len);
            code.redirect_uri.len() + code.challenge.0.len() + nonce
        };
        let codes = self.by_hash.values();
        codes.map(|stored| ROW_BYTES + texts(&stored.code)).sum()
    }

    /// Inserts it and returns the number of its row.
    pub(crate) fn insert(&mut self, hash: SecretHash, code: AuthorizationCode) -> i64 {
        let before = self.by_hash.get(&hash);
        let number = before.map_or(self.last_number + 1, |stored| stored.number);
        self.put(hash, StoredCode { number, code });
        number
    }

    /// Removes expired codes when the table is past its threshold or full.
    pub(crate) fn purge_if_due(&mut self, now: Timestamp, batch: &mut WriteBatch<'_>) {
        let before = self.by_hash.len();
        if self.purge_threshold.should_purge(before)
            || before >= MAX_CODES && self.purge_threshold.should_purge_when_full(now)
        {
            self.by_hash
                .retain(|_, stored| stored.code.retained_until >= now);
            let purge = Purge {
                rows_before: before,
                rows_left: self.by_hash.len(),
                cutoff: now,
                sql: "delete from codes where sandbox = ? and kept_until < ?",
            };
            self.purge_threshold.purged(&purge, batch);
        }
    }

    pub(crate) fn put(&mut self, hash: SecretHash, stored: StoredCode) {
        self.last_number = self.last_number.max(stored.number);
        self.by_hash.insert(hash, stored);
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows: Vec<CodeRow> = sqlx::query_as(
            "select number, hash, client_id, user_id, scope, redirect_uri, challenge, nonce,
                    issued_at, expires_at, kept_until from codes where sandbox = ?",
        )
        .bind(key)
        .fetch_all(db)
        .await?;
        let mut codes = Self::default();
        for row in rows {
            let (hash, stored) = row.read()?;
            codes.put(hash, stored);
        }
        Ok(codes)
    }
}

pub(crate) fn matches(code: &AuthorizationCode, filter: UserClientFilter<'_>) -> bool {
    filter.matches(code.user_id, &code.client_id)
}

#[derive(Debug, sqlx::FromRow)]
struct CodeRow {
    pub(crate) number: i64,
    hash: Vec<u8>,
    client_id: ClientId,
    user_id: UserId,
    scope: u32,
    redirect_uri: String,
    challenge: Challenge,
    nonce: Option<String>,
    issued_at: Timestamp,
    expires_at: Timestamp,
    #[sqlx(rename = "kept_until")]
    retained_until: Timestamp,
}

impl CodeRow {
    fn read(self) -> Result<(SecretHash, StoredCode), StoreError> {
        let hash = SecretHash::from_bytes(&self.hash);
        let code = AuthorizationCode {
            client_id: self.client_id,
            user_id: self.user_id,
            scope: Scope::from_any_bits(self.scope),
            redirect_uri: self.redirect_uri,
            challenge: self.challenge,
            nonce: self.nonce,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            retained_until: self.retained_until,
        };
        Ok((
            hash.ok_or_else(|| damaged("code hash", &self.hash.len()))?,
            StoredCode {
                number: self.number,
                code,
            },
        ))
    }
}

pub(crate) fn put(
    key: &Arc<str>,
    hash: &SecretHash,
    number: i64,
    code: &AuthorizationCode,
) -> Statement {
    Statement::new(
        "insert or replace into codes (sandbox, number, hash, client_id, user_id, scope, redirect_uri, challenge, nonce,
                                       issued_at, expires_at, kept_until)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(number)
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
    .for_row(("codes", key, number))
}

pub(crate) fn delete(key: &Arc<str>, number: i64) -> Statement {
    Statement::new("delete from codes where sandbox = ? and number = ?")
        .bind(key)
        .bind(number)
        .for_row(("codes", key, number))
}
