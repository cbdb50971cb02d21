//! Tokens: find, issue, revoke and remove them.

use crate::model::token::{Token, TokenKind};
use crate::model::user::User;
use crate::protocol::ids::ClientId;
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::sandbox_data::Rows;
use crate::store::tables::owner::Whose;
use crate::store::tables::tokens::{Kept, MOST_ALONE, delete, delete_access_tokens, expire};
use std::sync::Arc;

impl Rows {
    /// A token of either kind, live or not.
    pub(crate) fn find_token(&self, hash: &SecretHash) -> Option<Token> {
        let tables = self.read();
        let found = tables.tokens.by_hash.get(hash);
        found.map(|kept| kept.to_token(*hash))
    }

    /// The scope and the client of a live access token, and its user unless deleted.
    pub(crate) fn bearer(
        &self,
        hash: &SecretHash,
        now: Timestamp,
    ) -> Option<(Scope, ClientId, Option<Arc<User>>)> {
        let tables = self.read();
        let kept = tables.tokens.by_hash.get(hash)?;
        if kept.kind != TokenKind::Access || kept.expires_at < now {
            return None;
        }
        let user = tables.users.active(kept.parties.user_id);
        Some((kept.scope, kept.parties.client_id.clone(), user.cloned()))
    }

    /// Every token, newest first, of these users and clients where they are given.
    pub(crate) fn list_tokens(&self, whose: Whose<'_>) -> Vec<Token> {
        let tables = self.read();
        let all = tables.tokens.by_hash.iter();
        let mut found: Vec<Token> = all
            .filter(|(_, kept)| kept.is_of(whose))
            .map(|(hash, kept)| kept.to_token(*hash))
            .collect();
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
}

impl Store {
    /// Keeps tokens that have just been minted. Errors: there are as many as there may be.
    pub(crate) async fn insert_tokens(
        &self,
        world: &Rows,
        minted: &[Token],
    ) -> Result<(), StoreError> {
        self.begin_write()
            .await?
            .write(world, |tables, draft| {
                if let Some(first) = minted.first() {
                    tables.tokens.check_room(first.issued_at, draft)?;
                }
                tables.tokens.insert_all(minted, draft);
                Ok(())
            })
            .kept()
            .await?
    }

    /// Uses a refresh token up and keeps its successors. Whether this call was the one that did: of many who try, one
    /// does. Errors: there are as many tokens as there may be; then the refresh token can still be used.
    pub(crate) async fn rotate_tokens(
        &self,
        world: &Rows,
        old: &SecretHash,
        successors: &[Token],
    ) -> Result<bool, StoreError> {
        self.begin_write()
            .await?
            .write(world, |tables, draft| {
                let found = tables.tokens.by_hash.get(old);
                if found.is_none_or(|kept| kept.kind != TokenKind::Refresh) {
                    return Ok(false);
                }
                if let Some(first) = successors.first() {
                    tables.tokens.check_room(first.issued_at, draft)?;
                }
                if let Some(number) = tables.tokens.remove(old) {
                    draft.note(|world| delete(world, number));
                }
                tables.tokens.insert_all(successors, draft);
                Ok(true)
            })
            .kept()
            .await?
    }

    /// Makes tokens expire at a moment: one of either kind, or every access token. Returns how many would have expired later.
    pub(crate) async fn expire_tokens(
        &self,
        world: &Rows,
        hash: Option<&SecretHash>,
        moment: Timestamp,
    ) -> Result<u64, StoreError> {
        self.begin_write()
            .await?
            .write(world, |tables, draft| {
                let by_hash = &mut tables.tokens.by_hash;
                let meant: Vec<&mut Kept> = match hash {
                    Some(hash) => by_hash.get_mut(hash).into_iter().collect(),
                    None => by_hash
                        .values_mut()
                        .filter(|kept| kept.kind == TokenKind::Access)
                        .collect(),
                };
                let Some(first) = meant.first() else {
                    return 0;
                };
                let number = hash.map(|_| first.number);
                draft.note(|world| expire(world, number, moment));
                let live = meant.into_iter().filter(|kept| kept.expires_at > moment);
                live.map(|kept| kept.expires_at = moment).count() as u64
            })
            .kept()
            .await
    }

    /// Revokes a token; with a refresh token go all access tokens of its user and client.
    pub(crate) async fn revoke_token(&self, world: &Rows, token: &Token) -> Result<(), StoreError> {
        self.begin_write()
            .await?
            .write(world, |tables, draft| {
                let tokens = &mut tables.tokens;
                let own = tokens.remove(&token.hash);
                let mut others = match token.kind {
                    TokenKind::Access => Vec::new(),
                    TokenKind::Refresh => {
                        tokens.remove_access_tokens(&token.client_id, token.user_id)
                    }
                };
                if others.len() > MOST_ALONE {
                    let (user, client) = (token.user_id, &token.client_id);
                    draft.note(|world| delete_access_tokens(world, user, client));
                    others.clear();
                }
                for number in own.into_iter().chain(others) {
                    draft.note(|world| delete(world, number));
                }
            })
            .kept()
            .await
    }
}
