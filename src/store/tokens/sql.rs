//! The `tokens` table in the file.

use std::sync::Arc;

use crate::model::token::{Token, TokenKind};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::statement::Statement;
use crate::store::{StoreError, damaged};

pub(super) type Row = (
    i64,
    Vec<u8>,
    String,
    ClientId,
    UserId,
    u32,
    Timestamp,
    Timestamp,
);

pub(super) fn from_row(
    (number, hash, kind, client_id, user_id, bits, issued_at, expires_at): Row,
) -> Result<(i64, Token), StoreError> {
    let token = Token {
        hash: SecretHash::from_bytes(&hash).ok_or_else(|| damaged("token hash", &hash.len()))?,
        kind: TokenKind::from_name(&kind).ok_or_else(|| damaged("token kind", &kind))?,
        client_id,
        user_id,
        scope: Scope::of_any_bits(bits),
        issued_at,
        expires_at,
    };
    Ok((number, token))
}

pub(super) fn put(world: &Arc<str>, number: i64, token: &Token) -> Statement {
    Statement::new(
        "insert or replace into tokens (sandbox, number, hash, kind, client_id, user_id, scope, issued_at, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(world)
    .bind(number)
    .bind(token.hash.as_bytes())
    .bind(token.kind.name())
    .bind(&token.client_id)
    .bind(token.user_id)
    .bind(token.scope.bits())
    .bind(token.issued_at)
    .bind(token.expires_at)
    .of_row(("tokens", world, number))
}

pub(super) fn delete(world: &Arc<str>, number: i64) -> Statement {
    Statement::new("delete from tokens where sandbox = ? and number = ?")
        .bind(world)
        .bind(number)
        .of_row(("tokens", world, number))
}

/// All at once: the file has to be searched for them.
pub(super) fn delete_access_tokens(world: &str, user: UserId, client: &ClientId) -> Statement {
    Statement::new(
        "delete from tokens where sandbox = ? and user_id = ? and client_id = ? and kind = 'access'",
    )
    .bind(world)
    .bind(user)
    .bind(client)
}

/// One, or every access token.
pub(super) fn expire(world: &str, number: Option<i64>, moment: Timestamp) -> Statement {
    Statement::new(
        "update tokens set expires_at = ?1 where sandbox = ?2 and expires_at > ?1
             and (number = ?3 or (?3 is null and kind = 'access'))",
    )
    .bind(moment)
    .bind(world)
    .bind(number)
}
