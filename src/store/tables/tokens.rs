//! The `tokens` table: access and refresh tokens.

use super::grant_tables::UserClientFilter;
use super::sql::{TableSql, table_sql};
use super::table::{ExpiringRow, GrantRow, Index, Row, Table};
use crate::model::token::{Token, TokenKind};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::{check_room, damaged, scope, secret_hash};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use crate::store::write_batch::WriteBatch;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// At most this many tokens are deleted by one statement each; more tokens are deleted by one search of the table.
const MAX_SINGLE_DELETIONS: usize = 100;

/// An expired token is retained for this long, the lifetime of a refresh token: a client that still uses it learns that it
/// expired.
const RETENTION_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// The most tokens of a sandbox.
pub(crate) const MAX_TOKENS: usize = if cfg!(test) { 200 } else { 1_200_000 };

/// A token as it is stored. Tokens share their user and client: there may be a million of them.
#[derive(Debug, Clone)]
pub(crate) struct StoredToken {
    /// The number of its row in the file.
    number: i64,
    pub(crate) kind: TokenKind,
    pub(crate) scope: Scope,
    issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) user_and_client: Arc<UserAndClient>,
}

/// The user and the client of a token.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct UserAndClient {
    pub(crate) user_id: UserId,
    pub(crate) client_id: ClientId,
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
}

impl Row for StoredToken {
    type Key = SecretHash;
    type Index = AccessTokens;

    const SQL: TableSql = table_sql!(
        "tokens",
        key: "number" = "?",
        columns: "hash, kind, client_id, user_id, scope, issued_at, expires_at" = "?, ?, ?, ?, ?, ?, ?",
        bytes: "256"
    );

    fn number(&self) -> i64 {
        self.number
    }

    fn bind_key(&self, _: &SecretHash, statement: Statement) -> Statement {
        statement.bind(self.number)
    }

    fn bind_columns(&self, hash: &SecretHash, statement: Statement) -> Statement {
        statement
            .bind(hash.as_bytes())
            .bind(self.kind.name())
            .bind(&self.user_and_client.client_id)
            .bind(self.user_and_client.user_id)
            .bind(self.scope.bits())
            .bind(self.issued_at)
            .bind(self.expires_at)
    }

    fn read(row: &SqliteRow) -> Result<(SecretHash, Self), StoreError> {
        let kind: &str = row.try_get("kind")?;
        let user_and_client = UserAndClient {
            user_id: row.try_get("user_id")?,
            client_id: row.try_get("client_id")?,
        };
        let stored = Self {
            number: row.try_get("number")?,
            kind: TokenKind::from_name(kind).ok_or_else(|| damaged("token kind", &kind))?,
            scope: scope(row)?,
            issued_at: row.try_get("issued_at")?,
            expires_at: row.try_get("expires_at")?,
            user_and_client: Arc::new(user_and_client),
        };
        Ok((secret_hash("token hash", row.try_get("hash")?)?, stored))
    }
}

impl GrantRow for StoredToken {
    fn matches(&self, filter: UserClientFilter<'_>) -> bool {
        let UserAndClient { user_id, client_id } = &*self.user_and_client;
        filter.matches(*user_id, client_id)
    }
}

impl ExpiringRow for StoredToken {
    const DELETE_EXPIRED: &'static str = "delete from tokens where sandbox = ? and expires_at < ?";

    fn retained_until(&self) -> Timestamp {
        self.expires_at
    }
}

/// The access tokens of each user and client, which are revoked with a refresh token.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccessTokens(HashMap<Arc<UserAndClient>, HashSet<SecretHash>>);

impl Index<StoredToken> for AccessTokens {
    fn insert(&mut self, hash: &SecretHash, row: &mut StoredToken) {
        let access = match self.0.entry(Arc::clone(&row.user_and_client)) {
            Entry::Occupied(known) => {
                row.user_and_client = Arc::clone(known.key());
                known.into_mut()
            }
            Entry::Vacant(new) => new.insert(HashSet::new()),
        };
        if row.kind == TokenKind::Access {
            access.insert(*hash);
        }
    }

    fn remove(&mut self, hash: &SecretHash, row: &StoredToken) {
        if let Entry::Occupied(mut known) = self.0.entry(Arc::clone(&row.user_and_client)) {
            known.get_mut().remove(hash);
            if known.get().is_empty() {
                known.remove();
            }
        }
    }
}

impl Table<StoredToken> {
    /// Stores tokens.
    pub(crate) fn insert_all(&mut self, issued: &[Token], batch: &mut WriteBatch<'_>) {
        for token in issued {
            let stored = StoredToken {
                number: self.number_for(&token.hash),
                kind: token.kind,
                scope: token.scope,
                issued_at: token.issued_at,
                expires_at: token.expires_at,
                user_and_client: Arc::new(UserAndClient {
                    user_id: token.user_id,
                    client_id: token.client_id.clone(),
                }),
            };
            self.put(token.hash, stored, batch);
        }
        if let Some(last) = issued.last()
            && self.purge_threshold.should_purge(self.len())
        {
            let cutoff = last.issued_at.0.saturating_sub(RETENTION_MS);
            self.purge(Timestamp(cutoff), batch);
        }
    }

    /// Checks that there is room for the tokens of one grant, after removing expired ones if there is none. Errors: the table
    /// is full.
    pub(crate) fn check_room(
        &mut self,
        now: Timestamp,
        batch: &mut WriteBatch<'_>,
    ) -> Result<(), StoreError> {
        if self.len() + 1 >= MAX_TOKENS && self.purge_threshold.should_purge_when_full(now) {
            self.purge(now, batch);
        }
        // An access and a refresh token.
        check_room(self.len() + 1, MAX_TOKENS, "tokens in this sandbox")
    }

    /// Removes the access tokens of a user and a client.
    pub(crate) fn remove_access_tokens(&mut self, of: &UserAndClient, batch: &mut WriteBatch<'_>) {
        let access = self.index.0.remove(of).unwrap_or_default();
        if access.len() <= MAX_SINGLE_DELETIONS {
            for hash in &access {
                self.remove(hash, batch);
            }
            return;
        }
        for hash in &access {
            self.remove_from_memory(hash);
        }
        batch.push(|key| {
            Statement::new(
                "delete from tokens where sandbox = ? and user_id = ? and client_id = ? and kind = 'access'",
            )
            .bind(key)
            .bind(of.user_id)
            .bind(&of.client_id)
        });
    }

    /// Makes every access token expire at a time. Returns how many would have expired later.
    pub(crate) fn expire_access_tokens(
        &mut self,
        at: Timestamp,
        batch: &mut WriteBatch<'_>,
    ) -> usize {
        batch.push(|key| {
            Statement::new(
                "update tokens set expires_at = ?1 where sandbox = ?2 and expires_at > ?1 and kind = 'access'",
            )
            .bind(at)
            .bind(key)
        });
        self.values_mut()
            .filter(|stored| stored.kind == TokenKind::Access && stored.expires_at > at)
            .map(|stored| stored.expires_at = at)
            .count()
    }
}
