//! Operations on tokens.

use crate::model::token::{Token, TokenKind};
use crate::model::user::User;
use crate::protocol::ids::ClientId;
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::grant_tables::UserClientFilter;
use crate::store::tables::tokens::UserAndClient;
use std::sync::Arc;

impl SandboxData {
    /// A token of either kind, expired or not.
    pub(crate) fn find_token(&self, hash: &SecretHash) -> Option<Token> {
        let tables = self.read();
        let found = tables.tokens.get(hash);
        found.map(|stored| stored.to_token(*hash))
    }

    /// The scope and the client of an access token that has not expired, and its user unless deleted.
    pub(crate) fn bearer(
        &self,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Option<(Scope, ClientId, Option<Arc<User>>)> {
        let tables = self.read();
        let stored = tables.tokens.get(hash)?;
        if stored.kind != TokenKind::Access || stored.expires_at < now {
            return None;
        }
        let user = tables.users.active(stored.user_and_client.user_id);
        Some((
            stored.scope,
            stored.user_and_client.client_id.clone(),
            user.cloned(),
        ))
    }

    /// Whether an access token is stored, expired or not.
    pub(crate) fn has_access_token(&self) -> bool {
        let tables = self.read();
        let mut all = tables.tokens.values();
        all.any(|stored| stored.kind == TokenKind::Access)
    }

    /// The tokens that the filter selects, newest first.
    pub(crate) fn list_tokens(&self, filter: UserClientFilter<'_>) -> Vec<Token> {
        let tables = self.read();
        let all = tables.tokens.matching(filter);
        let mut found: Vec<Token> = all.map(|(hash, stored)| stored.to_token(*hash)).collect();
        drop(tables);
        found.sort_by_key(|token| {
            (
                std::cmp::Reverse(token.issued_at),
                token.kind.name(),
                token.hash,
            )
        });
        found
    }

    /// Stores new tokens. Errors: the table is full.
    pub(crate) async fn insert_tokens(&self, issued: &[Token]) -> Result<(), StoreError> {
        self.change(|tables, batch| {
            if let Some(first) = issued.first() {
                tables.tokens.check_room(first.issued_at, batch)?;
            }
            tables.tokens.insert_all(issued, batch);
            Ok(())
        })
        .await?
    }

    /// Uses a refresh token up and stores its successors. Returns whether this call did so: of parallel calls, one does.
    /// Errors: the table is full; then the refresh token can still be used.
    pub(crate) async fn rotate_tokens(
        &self,
        old: &SecretHash,
        successors: &[Token],
    ) -> Result<bool, StoreError> {
        self.change(|tables, batch| {
            let found = tables.tokens.get(old);
            if found.is_none_or(|stored| stored.kind != TokenKind::Refresh) {
                return Ok(false);
            }
            if let Some(first) = successors.first() {
                tables.tokens.check_room(first.issued_at, batch)?;
            }
            tables.tokens.remove(old, batch);
            tables.tokens.insert_all(successors, batch);
            Ok(true)
        })
        .await?
    }

    /// Makes tokens expire at a time: one of either kind, or every access token. Returns how many would have expired later.
    pub(crate) async fn expire_tokens(
        &self,
        hash: Option<&SecretHash>,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        self.change(|tables, batch| {
            let Some(hash) = hash else {
                return tables.tokens.expire_access_tokens(at, batch) as u64;
            };
            let found = tables.tokens.get(hash);
            if found.is_none_or(|stored| stored.expires_at <= at) {
                return 0;
            }
            tables
                .tokens
                .change(hash, batch, |stored| stored.expires_at = at);
            1
        })
        .await
    }

    /// Revokes a token; a refresh token together with all access tokens of its user and client.
    pub(crate) async fn revoke_token(&self, token: &Token) -> Result<(), StoreError> {
        self.change(|tables, batch| {
            tables.tokens.remove(&token.hash, batch);
            if token.kind == TokenKind::Refresh {
                let of = UserAndClient {
                    user_id: token.user_id,
                    client_id: token.client_id.clone(),
                };
                tables.tokens.remove_access_tokens(&of, batch);
            }
        })
        .await
    }
}
