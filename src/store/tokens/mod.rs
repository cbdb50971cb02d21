//! The `tokens` table: access and refresh tokens. How it is kept in the file is `sql.rs`.

mod sql;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::draft::Draft;
use super::growth::Growth;
use super::held::{Whose, is_meant, lost};
use super::{Rows, Store, StoreError, full};
use crate::model::token::{Token, TokenKind};
use crate::model::user::User;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

use sql::{Row, delete, delete_access_tokens, expire, from_row, put};

/// So many tokens are deleted one by one at the most.
const MOST_ALONE: usize = 100;

/// A token that is over is known for so long in milliseconds, as long as a refresh token lives: there is something to say
/// to whoever still uses it.
const KNOWN_AFTER: i64 = 30 * 24 * 60 * 60 * 1000;

/// The most tokens of a sandbox.
pub(super) const MAX_TOKENS: usize = if cfg!(test) { 200 } else { 1_200_000 };

/// Every token of a world.
#[derive(Debug, Default, Clone)]
pub(super) struct Tokens {
    by_hash: HashMap<SecretHash, Kept>,
    by_client: HashMap<ClientId, HashMap<UserId, Issued>>,
    last_number: i64,
    growth: Growth,
}

/// A token as it is kept: what tokens have in common is there once, since there may be a million of them.
#[derive(Debug, Clone)]
struct Kept {
    /// Of its row in the file.
    number: i64,
    kind: TokenKind,
    scope: Scope,
    issued_at: Timestamp,
    expires_at: Timestamp,
    parties: Arc<Parties>,
}

/// Whose tokens, and for whom.
#[derive(Debug)]
struct Parties {
    client_id: ClientId,
    user_id: UserId,
}

/// What a user's client was given.
#[derive(Debug, Clone)]
struct Issued {
    parties: Arc<Parties>,
    /// Its access tokens: they go with a refresh token that is revoked.
    access: HashSet<SecretHash>,
}

impl Kept {
    fn to_token(&self, hash: SecretHash) -> Token {
        Token {
            hash,
            kind: self.kind,
            client_id: self.parties.client_id.clone(),
            user_id: self.parties.user_id,
            scope: self.scope,
            issued_at: self.issued_at,
            expires_at: self.expires_at,
        }
    }

    fn is_of(&self, whose: Whose<'_>) -> bool {
        let Parties { client_id, user_id } = &*self.parties;
        is_meant(whose, *user_id, client_id)
    }
}

impl Tokens {
    /// Keeps tokens, and writes them down.
    pub(super) fn insert_all(&mut self, minted: &[Token], draft: &mut Draft<'_>) {
        for token in minted {
            let number = self.insert(token);
            draft.note(|world| put(world, number, token));
        }
        if let Some(last) = minted.last() {
            self.clear(last.issued_at, draft);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.by_hash.len()
    }

    /// Checks that there is room for the tokens of one grant, after removing expired ones if there is none. Errors: there
    /// are as many as there may be.
    pub(super) fn check_room(
        &mut self,
        now: Timestamp,
        draft: &mut Draft<'_>,
    ) -> Result<(), StoreError> {
        if self.count() + 1 >= MAX_TOKENS && self.growth.is_due_when_full(now) {
            self.remove_expired(now, draft);
        }
        // An access and a refresh token.
        full(self.count() + 1, MAX_TOKENS, "tokens in this sandbox")
    }

    /// Removes those that have long been over, once there are many.
    fn clear(&mut self, now: Timestamp, draft: &mut Draft<'_>) {
        if self.growth.is_due(self.count()) {
            let line = Timestamp(now.0.saturating_sub(KNOWN_AFTER));
            self.remove_expired(line, draft);
        }
    }

    /// Removes those that expired before a moment.
    fn remove_expired(&mut self, line: Timestamp, draft: &mut Draft<'_>) {
        let before = self.count();
        let over: Vec<SecretHash> = self
            .by_hash
            .iter()
            .filter(|(_, kept)| kept.expires_at < line)
            .map(|(hash, _)| *hash)
            .collect();
        for hash in &over {
            self.remove(hash);
        }
        let past = "delete from tokens where sandbox = ? and expires_at < ?";
        let rows = (before, self.by_hash.len());
        self.growth.looked_through(rows, (past, line), draft);
    }

    /// Gives it its number.
    fn insert(&mut self, token: &Token) -> i64 {
        // One that is there already is written over.
        let before = self.by_hash.get(&token.hash);
        let number = before.map_or(self.last_number + 1, |kept| kept.number);
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
            None => self.issued(&token.client_id, token.user_id),
        };
        if token.kind == TokenKind::Access {
            issued.access.insert(token.hash);
        }
        let kept = Kept {
            number,
            kind: token.kind,
            scope: token.scope,
            issued_at: token.issued_at,
            expires_at: token.expires_at,
            parties: Arc::clone(&issued.parties),
        };
        self.by_hash.insert(token.hash, kept);
    }

    fn issued(&mut self, client_id: &ClientId, user_id: UserId) -> &mut Issued {
        let users = self.by_client.entry(client_id.clone()).or_default();
        users.entry(user_id).or_insert_with(|| Issued {
            parties: Arc::new(Parties {
                client_id: client_id.clone(),
                user_id,
            }),
            access: HashSet::new(),
        })
    }

    /// Which number it had, where it was there.
    fn remove(&mut self, hash: &SecretHash) -> Option<i64> {
        let kept = self.by_hash.remove(hash)?;
        let users = self.by_client.get_mut(&kept.parties.client_id);
        if let Some(issued) = users.and_then(|users| users.get_mut(&kept.parties.user_id)) {
            issued.access.remove(hash);
        }
        Some(kept.number)
    }

    /// Which numbers they had.
    fn remove_access_tokens(&mut self, client_id: &ClientId, user_id: UserId) -> Vec<i64> {
        let users = self.by_client.get_mut(client_id);
        let issued = users.and_then(|users| users.get_mut(&user_id));
        let gone = issued.map(|issued| std::mem::take(&mut issued.access));
        let gone = gone.unwrap_or_default().into_iter();
        gone.filter_map(|hash| Some(self.by_hash.remove(&hash)?.number))
            .collect()
    }

    /// Removes those of these users and clients where they are given. How many there were.
    pub(super) fn remove_of(&mut self, whose: Whose<'_>) -> u64 {
        let removed = lost(&mut self.by_hash, |_, kept| !kept.is_of(whose));
        let (user, client) = whose;
        for (of, users) in &mut self.by_client {
            if client.is_none_or(|client| *of == *client) {
                users.retain(|of, _| user.is_some_and(|user| user != *of));
            }
        }
        self.by_client.retain(|_, users| !users.is_empty());
        removed
    }

    /// What the file has of a world.
    pub(super) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select number, hash, kind, client_id, user_id, scope, issued_at, expires_at from tokens where sandbox = ?",
        )
        .bind(world)
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
        self.leave()
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
        self.leave()
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
        self.leave()
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
        self.leave()
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
