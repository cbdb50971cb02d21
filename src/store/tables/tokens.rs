//! The `tokens` table: access and refresh tokens.

use crate::model::token::{Token, TokenKind};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::{check_room, damaged};
use crate::store::error::StoreError;
use crate::store::purge::{Purge, PurgeThreshold};
use crate::store::statement::Statement;
use crate::store::tables::grant_tables::{UserClientFilter, retain_counting};
use crate::store::write_batch::WriteBatch;
use sqlx::SqliteConnection;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// At most this many tokens are deleted by one statement each; more tokens are deleted by one search of the table.
pub(crate) const MAX_SINGLE_DELETIONS: usize = 100;

/// An expired token is retained for this long, the lifetime of a refresh token: a client that still uses it learns that it
/// expired.
const RETENTION_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The most tokens of a sandbox.
pub(crate) const MAX_TOKENS: usize = if cfg!(test) { 200 } else { 1_200_000 };

/// Every token of a sandbox.
#[derive(Debug, Default, Clone)]
pub(crate) struct TokenTable {
    pub(crate) by_hash: HashMap<SecretHash, StoredToken>,
    by_client: HashMap<ClientId, HashMap<UserId, UserClientTokens>>,
    last_number: i64,
    purge_threshold: PurgeThreshold,
}

/// A token as it is stored. Tokens share their user and client: there may be a million of them.
#[derive(Debug, Clone)]
pub(crate) struct StoredToken {
    /// The number of its row in the file.
    pub(crate) number: i64,
    pub(crate) kind: TokenKind,
    pub(crate) scope: Scope,
    issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) user_and_client: Arc<UserAndClient>,
}

/// The user and the client of a token.
#[derive(Debug)]
pub(crate) struct UserAndClient {
    pub(crate) client_id: ClientId,
    pub(crate) user_id: UserId,
}

/// The tokens of a user and a client.
#[derive(Debug, Clone)]
struct UserClientTokens {
    pub(crate) user_and_client: Arc<UserAndClient>,
    /// The access tokens, which are revoked with a refresh token.
    access: HashSet<SecretHash>,
}

impl StoredToken {
    pub(crate) fn to_token(&self, hash: SecretHash) -> Token {
        Token {
            hash,
            kind: self.kind,
            client_id: self.user_and_client.client_id.clone(),
            user_id: self.user_and_client.user_id,
            scope: self.scope,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        }
    }

    pub(crate) fn matches(&self, filter: UserClientFilter<'_>) -> bool {
        let UserAndClient { client_id, user_id } = &*self.user_and_client;
        filter.matches(*user_id, client_id)
    }
}

impl TokenTable {
    /// Stores tokens in memory and in the file.
    pub(crate) fn insert_all(&mut self, issued: &[Token], batch: &mut WriteBatch<'_>) {
        for token in issued {
            let number = self.insert(token);
            batch.push(|key| put(key, number, token));
        }
        if let Some(last) = issued.last() {
            self.purge_if_due(last.issued_at, batch);
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.by_hash.len()
    }

    /// Checks that there is room for the tokens of one grant, after removing expired ones if there is none. Errors: the table
    /// is full.
    pub(crate) fn check_room(
        &mut self,
        now: Timestamp,
        batch: &mut WriteBatch<'_>,
    ) -> Result<(), StoreError> {
        if self.count() + 1 >= MAX_TOKENS && self.purge_threshold.should_purge_when_full(now) {
            self.remove_expired(now, batch);
        }
        // An access and a refresh token.
        check_room(self.count() + 1, MAX_TOKENS, "tokens in this sandbox")
    }

    /// Removes tokens that expired long ago when the table is past its threshold.
    fn purge_if_due(&mut self, now: Timestamp, batch: &mut WriteBatch<'_>) {
        if self.purge_threshold.should_purge(self.count()) {
            let cutoff = Timestamp(now.0.saturating_sub(RETENTION_MS));
            self.remove_expired(cutoff, batch);
        }
    }

    /// Removes tokens that expired before `cutoff`.
    fn remove_expired(&mut self, cutoff: Timestamp, batch: &mut WriteBatch<'_>) {
        let before = self.count();
        let expired: Vec<SecretHash> = self
            .by_hash
            .iter()
            .filter(|(_, stored)| stored.expires_at < cutoff)
            .map(|(hash, _)| *hash)
            .collect();
        for hash in &expired {
            self.remove(hash);
        }
        let purge = Purge {
            rows_before: before,
            rows_left: self.by_hash.len(),
            cutoff,
            sql: "delete from tokens where sandbox = ? and expires_at < ?",
        };
        self.purge_threshold.purged(&purge, batch);
    }

    /// Inserts a token and returns the number of its row.
    fn insert(&mut self, token: &Token) -> i64 {
        let before = self.by_hash.get(&token.hash);
        let number = before.map_or(self.last_number + 1, |stored| stored.number);
        self.put(number, token);
        number
    }

    fn put(&mut self, number: i64, token: &Token) {
        self.last_number = self.last_number.max(number);
        let issued = match self
            .by_client
            .get_mut(&token.client_id)
            .and_then(|users| users.get_mut(&token.user_id))
        {
            Some(issued) => issued,
            None => self.user_client_tokens(&token.client_id, token.user_id),
        };
        if token.kind == TokenKind::Access {
            issued.access.insert(token.hash);
        }
        let stored = StoredToken {
            number,
            kind: token.kind,
            scope: token.scope,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            user_and_client: Arc::clone(&issued.user_and_client),
        };
        self.by_hash.insert(token.hash, stored);
    }

    fn user_client_tokens(
        &mut self,
        client_id: &ClientId,
        user_id: UserId,
    ) -> &mut UserClientTokens {
        let users = self.by_client.entry(client_id.clone()).or_default();
        users.entry(user_id).or_insert_with(|| UserClientTokens {
            user_and_client: Arc::new(UserAndClient {
                client_id: client_id.clone(),
                user_id,
            }),
            access: HashSet::new(),
        })
    }

    /// Removes a token and returns the number of its row, if it existed.
    pub(crate) fn remove(&mut self, hash: &SecretHash) -> Option<i64> {
        let stored = self.by_hash.remove(hash)?;
        let users = self.by_client.get_mut(&stored.user_and_client.client_id);
        if let Some(issued) = users.and_then(|users| users.get_mut(&stored.user_and_client.user_id))
        {
            issued.access.remove(hash);
        }
        Some(stored.number)
    }

    /// Removes the access tokens of a user and a client and returns the numbers of their rows.
    pub(crate) fn remove_access_tokens(
        &mut self,
        client_id: &ClientId,
        user_id: UserId,
    ) -> Vec<i64> {
        let users = self.by_client.get_mut(client_id);
        let issued = users.and_then(|users| users.get_mut(&user_id));
        let access = issued.map(|issued| std::mem::take(&mut issued.access));
        let access = access.unwrap_or_default().into_iter();
        access
            .filter_map(|hash| Some(self.by_hash.remove(&hash)?.number))
            .collect()
    }

    /// Removes the tokens that the filter selects and returns how many there were.
    pub(crate) fn remove_matching(&mut self, filter: UserClientFilter<'_>) -> u64 {
        let removed = retain_counting(&mut self.by_hash, |_, stored| !stored.matches(filter));
        let UserClientFilter { user, client } = filter;
        for (client_id, users) in &mut self.by_client {
            if client.is_none_or(|client| *client_id == *client) {
                users.retain(|user_id, _| user.is_some_and(|user| user != *user_id));
            }
        }
        self.by_client.retain(|_, users| !users.is_empty());
        removed
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select number, hash, kind, client_id, user_id, scope, issued_at, expires_at from tokens where sandbox = ?",
        )
        .bind(key)
        .fetch_all(db)
        .await?;
        let mut tokens = Self::default();
        for row in rows {
            let (number, token) = from_row(row)?;
            tokens.put(number, &token);
        }
        Ok(tokens)
    }
}

pub(crate) type Row = (
    i64,
    Vec<u8>,
    String,
    ClientId,
    UserId,
    u32,
    Timestamp,
    Timestamp,
);

pub(crate) fn from_row(
    (number, hash, kind, client_id, user_id, bits, issued_at, expires_at): Row,
) -> Result<(i64, Token), StoreError> {
    let token = Token {
        hash: SecretHash::from_bytes(&hash).ok_or_else(|| damaged("token hash", &hash.len()))?,
        kind: TokenKind::from_name(&kind).ok_or_else(|| damaged("token kind", &kind))?,
        client_id,
        user_id,
        scope: Scope::from_any_bits(bits),
        issued_at,
        expires_at,
    };
    Ok((number, token))
}

pub(crate) fn put(key: &Arc<str>, number: i64, token: &Token) -> Statement {
    Statement::new(
        "insert or replace into tokens (sandbox, number, hash, kind, client_id, user_id, scope, issued_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(number)
    .bind(token.hash.as_bytes())
    .bind(token.kind.name())
    .bind(&token.client_id)
    .bind(token.user_id)
    .bind(token.scope.bits())
    .bind(token.issued_at)
    .bind(token.expires_at)
    .for_row(("tokens", key, number))
}

pub(crate) fn delete(key: &Arc<str>, number: i64) -> Statement {
    Statement::new("delete from tokens where sandbox = ? and number = ?")
        .bind(key)
        .bind(number)
        .for_row(("tokens", key, number))
}

/// Deletes the access tokens of a user and a client, which takes a search of the table.
pub(crate) fn delete_access_tokens(key: &str, user: UserId, client: &ClientId) -> Statement {
    Statement::new(
        "delete from tokens where sandbox = ? and user_id = ? and client_id = ? and kind = 'access'",
    )
    .bind(key)
    .bind(user)
    .bind(client)
}

/// Expires one token, or every access token.
pub(crate) fn expire(key: &str, number: Option<i64>, at: Timestamp) -> Statement {
    Statement::new(
        "update tokens set expires_at = ?1 where sandbox = ?2 and expires_at > ?1
             and (number = ?3 or (?3 is null and kind = 'access'))",
    )
    .bind(at)
    .bind(key)
    .bind(number)
}
