//! Operations on authorization codes.

use crate::model::code::AuthorizationCode;
use crate::model::token::Token;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::codes::{MAX_CODES, delete, is_of, put};
use crate::store::tables::owner::OwnerKey;
use std::cmp::Reverse;

impl SandboxData {
    /// Every code that has not been exchanged, newest first, of these users and clients where they are given.
    pub(crate) fn list_codes(&self, owner: OwnerKey<'_>) -> Vec<AuthorizationCode> {
        let tables = self.read();
        let all = tables.codes.by_hash.iter();
        let mut found: Vec<(SecretHash, AuthorizationCode)> = all
            .map(|(hash, stored)| (hash, &stored.code))
            .filter(|(_, code)| is_of(code, owner))
            .map(|(hash, code)| (*hash, code.clone()))
            .collect();
        drop(tables);
        found.sort_by_key(|(hash, code)| (Reverse(code.issued_at), *hash));
        found.into_iter().map(|(_, code)| code).collect()
    }

    /// Whom a code was issued for, good or not.
    pub(crate) fn code_user(&self, hash: &SecretHash) -> Option<UserId> {
        Some(self.read().codes.by_hash.get(hash)?.code.user_id)
    }

    /// Whether a code of this client is known, but past its life.
    pub(crate) fn is_code_expired(
        &self,
        hash: &SecretHash,
        client: &ClientId,
        now: Timestamp,
    ) -> bool {
        let tables = self.read();
        let code = tables.codes.of(hash, client, now);
        code.is_some_and(|code| code.expires_at < now)
    }

    /// Stores a new code. Errors: the table is full.
    pub(crate) async fn insert_code(
        &self,
        hash: &SecretHash,
        code: AuthorizationCode,
    ) -> Result<(), StoreError> {
        self.change(|tables, batch| {
            tables.codes.clear(code.issued_at, batch);
            let codes = tables.codes.by_hash.len();
            check_room(codes, MAX_CODES, "codes in this sandbox")?;
            let number = tables.codes.insert(*hash, code.clone());
            batch.push(|key| put(key, hash, number, &code));
            Ok(())
        })
        .await?
    }

    /// Redeems a code of this client that has not expired. Of parallel requests one gets it. `exchange` decides whether it is
    /// exchanged, under the lock of the data, which it must not read; `minted` gives the tokens to store. The code is used up
    /// either way. Errors: the table of tokens is full; then the code can still be used.
    pub(crate) async fn redeem_code<T>(
        &self,
        (hash, client, now): (&SecretHash, &ClientId, Timestamp),
        exchange: impl FnOnce(&AuthorizationCode) -> T,
        minted: impl Fn(&T) -> &[Token],
    ) -> Result<Option<(AuthorizationCode, T)>, StoreError> {
        self.change(|tables, batch| {
            let code = tables.codes.of(hash, client, now);
            if code.is_none_or(|code| code.expires_at < now) {
                return Ok(None);
            }
            tables.tokens.check_room(now, batch)?;
            let Some(stored) = tables.codes.by_hash.remove(hash) else {
                return Ok(None);
            };
            batch.push(|key| delete(key, stored.number));
            let exchanged = exchange(&stored.code);
            tables.tokens.insert_all(minted(&exchanged), batch);
            Ok(Some((stored.code, exchanged)))
        })
        .await?
    }
}
