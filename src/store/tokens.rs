//! The `tokens` table: access and refresh tokens.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use sqlx::SqliteConnection;

use super::log::Statement;
use super::{Rows, Store, StoreError, damaged, is_meant, scope};
use crate::model::token::{Token, TokenKind};
use crate::model::user::User;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

/// Every token of a world.
#[derive(Debug, Default, Clone)]
pub(super) struct Tokens {
    by_hash: HashMap<SecretHash, Kept>,
    by_client: HashMap<ClientId, HashMap<UserId, Issued>>,
}

/// A token as it is kept: what tokens have in common is there once, since there may be a million of them.
#[derive(Debug, Clone)]
struct Kept {
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

    fn is_of(&self, user: Option<UserId>, client: Option<&str>) -> bool {
        let Parties { client_id, user_id } = &*self.parties;
        is_meant((user, client), *user_id, client_id)
    }
}

impl Tokens {
    fn insert(&mut self, token: &Token) {
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

    /// Whether it was there.
    fn remove(&mut self, hash: &SecretHash) -> bool {
        let Some(kept) = self.by_hash.remove(hash) else {
            return false;
        };
        let users = self.by_client.get_mut(&kept.parties.client_id);
        if let Some(issued) = users.and_then(|users| users.get_mut(&kept.parties.user_id)) {
            issued.access.remove(hash);
        }
        true
    }

    fn remove_access_tokens(&mut self, client_id: &ClientId, user_id: UserId) {
        let users = self.by_client.get_mut(client_id);
        if let Some(issued) = users.and_then(|users| users.get_mut(&user_id)) {
            for hash in std::mem::take(&mut issued.access) {
                self.by_hash.remove(&hash);
            }
        }
    }

    /// Removes those of these users and clients where they are given. How many there were.
    pub(super) fn remove_of(&mut self, user: Option<UserId>, client: Option<&str>) -> u64 {
        let before = self.by_hash.len();
        self.by_hash.retain(|_, kept| !kept.is_of(user, client));
        for (of, users) in &mut self.by_client {
            if client.is_none_or(|client| *of == *client) {
                users.retain(|of, _| user.is_some_and(|user| user != *of));
            }
        }
        self.by_client.retain(|_, users| !users.is_empty());
        (before - self.by_hash.len()) as u64
    }

    /// What the file has of a world.
    pub(super) async fn read(db: &mut SqliteConnection, world: &str) -> Result<Self, StoreError> {
        let rows: Vec<Row> = sqlx::query_as(
            "select hash, kind, client_id, user_id, scope, issued_at, expires_at from tokens where sandbox = ?",
        )
        .bind(world)
        .fetch_all(db)
        .await?;
        let mut tokens = Self::default();
        for row in rows {
            tokens.insert(&from_row(row)?);
        }
        Ok(tokens)
    }
}

type Row = (Vec<u8>, String, ClientId, UserId, u32, Timestamp, Timestamp);

fn from_row(
    (hash, kind, client_id, user_id, bits, issued_at, expires_at): Row,
) -> Result<Token, StoreError> {
    Ok(Token {
        hash: SecretHash::from_bytes(&hash).ok_or_else(|| damaged("token hash", &hash.len()))?,
        kind: TokenKind::from_name(&kind).ok_or_else(|| damaged("token kind", &kind))?,
        client_id,
        user_id,
        scope: scope(bits)?,
        issued_at,
        expires_at,
    })
}

fn insert(world: &str, token: &Token) -> Statement {
    Statement::new(
        "insert or replace into tokens (sandbox, hash, kind, client_id, user_id, scope, issued_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(world)
    .bind(token.hash.as_bytes())
    .bind(token.kind.name())
    .bind(&token.client_id)
    .bind(token.user_id)
    .bind(token.scope.bits())
    .bind(token.issued_at)
    .bind(token.expires_at)
}

fn delete(world: &str, hash: &SecretHash) -> Statement {
    Statement::new("delete from tokens where sandbox = ? and hash = ?")
        .bind(world)
        .bind(hash.as_bytes())
}

fn delete_with_access_tokens(world: &str, token: &Token) -> Statement {
    Statement::new(
        "delete from tokens where sandbox = ?1 and (hash = ?2
             or (client_id = ?3 and user_id = ?4 and kind = 'access'))",
    )
    .bind(world)
    .bind(token.hash.as_bytes())
    .bind(&token.client_id)
    .bind(token.user_id)
}

fn expire(world: &str, hash: Option<&SecretHash>, moment: Timestamp) -> Statement {
    Statement::new(
        "update tokens set expires_at = ?1 where sandbox = ?2 and expires_at > ?1
             and (hash = ?3 or (?3 is null and kind = 'access'))",
    )
    .bind(moment)
    .bind(world)
    .bind(hash.map(SecretHash::as_bytes))
}

pub(super) fn delete_of(world: &str, user: Option<UserId>, client: Option<&str>) -> Statement {
    Statement::new(
        "delete from tokens
         where sandbox = ?1 and (?2 is null or user_id = ?2) and (?3 is null or client_id = ?3)",
    )
    .bind(world)
    .bind(user)
    .bind(client)
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
    pub(crate) fn list_tokens(&self, (user, client): (Option<UserId>, Option<&str>)) -> Vec<Token> {
        let tables = self.read();
        let all = tables.tokens.by_hash.iter();
        let mut found: Vec<Token> = all
            .filter(|(_, kept)| kept.is_of(user, client))
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
    /// Keeps tokens that have just been minted.
    pub(crate) async fn insert_tokens(
        &self,
        world: &Rows,
        minted: &[Token],
    ) -> Result<(), StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                for token in minted {
                    tables.tokens.insert(token);
                    draft.note(|world| insert(world, token));
                }
            })
            .kept()
            .await
    }

    /// Uses a refresh token up and keeps its successors. Whether this call was the one that did: of many who try, one
    /// does.
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
                    return false;
                }
                tables.tokens.remove(old);
                draft.note(|world| delete(world, old));
                for token in successors {
                    tables.tokens.insert(token);
                    draft.note(|world| insert(world, token));
                }
                true
            })
            .kept()
            .await
    }

    /// Makes access tokens run out at a moment: one, or all. How many there were.
    pub(crate) async fn expire_tokens(
        &self,
        world: &Rows,
        hash: Option<&SecretHash>,
        moment: Timestamp,
    ) -> Result<u64, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                let mut expired = 0;
                let mut expire_one = |kept: &mut Kept| {
                    if kept.expires_at > moment {
                        kept.expires_at = moment;
                        expired += 1;
                    }
                };
                let by_hash = &mut tables.tokens.by_hash;
                match hash {
                    Some(hash) => by_hash.get_mut(hash).into_iter().for_each(expire_one),
                    None => by_hash
                        .values_mut()
                        .filter(|kept| kept.kind == TokenKind::Access)
                        .for_each(&mut expire_one),
                }
                draft.note(|world| expire(world, hash, moment));
                expired
            })
            .kept()
            .await
    }

    /// Removes every token of these users and clients where they are given. How many there were.
    pub(crate) async fn delete_tokens(
        &self,
        world: &Rows,
        (user, client): (Option<UserId>, Option<&str>),
    ) -> Result<u64, StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                draft.note(|world| delete_of(world, user, client));
                tables.tokens.remove_of(user, client)
            })
            .kept()
            .await
    }

    /// Revokes a token; with a refresh token go all access tokens of its user and client.
    pub(crate) async fn revoke_token(&self, world: &Rows, token: &Token) -> Result<(), StoreError> {
        self.leave()
            .await?
            .write(world, |tables, draft| {
                tables.tokens.remove(&token.hash);
                match token.kind {
                    TokenKind::Access => draft.note(|world| delete(world, &token.hash)),
                    TokenKind::Refresh => {
                        let tokens = &mut tables.tokens;
                        tokens.remove_access_tokens(&token.client_id, token.user_id);
                        draft.note(|world| delete_with_access_tokens(world, token));
                    }
                }
            })
            .kept()
            .await
    }
}
