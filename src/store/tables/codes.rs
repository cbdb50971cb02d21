//! The `codes` table: authorization codes, each good for one redemption.

use crate::model::code::AuthorizationCode;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::pkce::Challenge;
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::{ROW_BYTES, damaged};
use crate::store::error::StoreError;
use crate::store::purge::Growth;
use crate::store::statement::Statement;
use crate::store::tables::owner::{Whose, is_meant, lost};
use crate::store::write_batch::Draft;
use sqlx::SqliteConnection;
use std::collections::HashMap;
use std::sync::Arc;

/// The most codes of a sandbox.
pub(crate) const MAX_CODES: usize = if cfg!(test) { 200 } else { 10_000 };

/// Every code of a world that has not been exchanged.
#[derive(Debug, Default, Clone)]
pub(crate) struct Codes {
    pub(crate) by_hash: HashMap<SecretHash, Kept>,
    last_number: i64,
    growth: Growth,
}

/// A code, and the number of its row in the file.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) number: i64,
    pub(crate) code: AuthorizationCode,
}

impl Codes {
    /// A code of this client that is known still, be it past its life.
    pub(crate) fn of(
        &self,
        hash: &SecretHash,
        client: &ClientId,
        now: Timestamp,
    ) -> Option<&AuthorizationCode> {
        let code = &self.by_hash.get(hash)?.code;
        (code.client_id == *client && code.kept_until > now).then_some(code)
    }

    /// How many there were.
    pub(crate) fn remove_of(&mut self, whose: Whose<'_>) -> u64 {
        lost(&mut self.by_hash, |_, kept| !is_of(&kept.code, whose))
    }

    pub(crate) fn size_in_bytes(&self) -> usize {
        let texts = |code: &AuthorizationCode| {
            let nonce = code.nonce.as_ref().map_or(0, String::len);
            code.redirect_uri.len() + code.challenge.0.len() + nonce
        };
        let codes = self.by_hash.values();
        codes.map(|kept| ROW_BYTES + texts(&kept.code)).sum()
    }

    /// Gives it its number.
    pub(crate) fn insert(&mut self, hash: SecretHash, code: AuthorizationCode) -> i64 {
        // One that is there already is written over.
        let before = self.by_hash.get(&hash);
        let number = before.map_or(self.last_number + 1, |kept| kept.number);
        self.put(hash, Kept { number, code });
        number
    }

    /// Removes those that nobody knows any more, once there are many or there may be no more.
    pub(crate) fn clear(&mut self, now: Timestamp, draft: &mut Draft<'_>) {
        let before = self.by_hash.len();
        if self.growth.is_due(before) || before >= MAX_CODES && self.growth.is_due_when_full(now) {
            self.by_hash.retain(|_, kept| kept.code.kept_until >= now);
            let past = "delete from codes where sandbox = ? and kept_until < ?";
            let rows = (before, self.by_hash.len());
            self.growth.looked_through(rows, (past, now), draft);
        }
    }

    pub(crate) fn put(&mut self, hash: SecretHash, kept: Kept) {
        self.last_number = self.last_number.max(kept.number);
        self.by_hash.insert(hash, kept);
    }

    /// What the file has of a world.
    pub(crate) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select number, hash, client_id, user_id, scope, redirect_uri, challenge, nonce,
                    issued_at, expires_at, kept_until from codes where sandbox = ?",
        )
        .bind(world)
        .fetch_all(db)
        .await?;
        let mut codes = Self::default();
        for row in rows {
            let (hash, kept) = row.read()?;
            codes.put(hash, kept);
        }
        Ok(codes)
    }
}

pub(crate) fn is_of(code: &AuthorizationCode, whose: Whose<'_>) -> bool {
    is_meant(whose, code.user_id, &code.client_id)
}

#[derive(Debug, sqlx::FromRow)]
struct Row {
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
    kept_until: Timestamp,
}

impl Row {
    fn read(self) -> Result<(SecretHash, Kept), StoreError> {
        let hash = SecretHash::from_bytes(&self.hash);
        let code = AuthorizationCode {
            client_id: self.client_id,
            user_id: self.user_id,
            scope: Scope::of_any_bits(self.scope),
            redirect_uri: self.redirect_uri,
            challenge: self.challenge,
            nonce: self.nonce,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            kept_until: self.kept_until,
        };
        Ok((
            hash.ok_or_else(|| damaged("code hash", &self.hash.len()))?,
            Kept {
                number: self.number,
                code,
            },
        ))
    }
}

pub(crate) fn put(
    world: &Arc<str>,
    hash: &SecretHash,
    number: i64,
    code: &AuthorizationCode,
) -> Statement {
    Statement::new(
        "insert or replace into codes (sandbox, number, hash, client_id, user_id, scope, redirect_uri, challenge, nonce,
                                       issued_at, expires_at, kept_until)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(world)
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
    .bind(code.kept_until)
    .of_row(("codes", world, number))
}

pub(crate) fn delete(world: &Arc<str>, number: i64) -> Statement {
    Statement::new("delete from codes where sandbox = ? and number = ?")
        .bind(world)
        .bind(number)
        .of_row(("codes", world, number))
}
