//! The `codes` table: authorization codes, each good for one redemption.

use crate::model::code::AuthorizationCode;
use crate::model::token::Token;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::sandbox_data::Rows;
use crate::store::tables::codes::{MAX_CODES, delete, is_of, put};
use crate::store::tables::owner::Whose;
use std::cmp::Reverse;

impl Rows {
    /// Every code that has not been exchanged, newest first, of these users and clients where they are given.
    pub(crate) fn list_codes(&self, whose: Whose<'_>) -> Vec<AuthorizationCode> {
        let tables = self.read();
        let all = tables.codes.by_hash.iter();
        let mut found: Vec<(SecretHash, AuthorizationCode)> = all
            .map(|(hash, kept)| (hash, &kept.code))
            .filter(|(_, code)| is_of(code, whose))
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
}

impl Store {
    /// Keeps a code that has just been issued. Errors: there are as many as there may be.
    pub(crate) async fn insert_code(
        &self,
        world: &Rows,
        hash: &SecretHash,
        code: AuthorizationCode,
    ) -> Result<(), StoreError> {
        self.begin_write()
            .await?
            .write(world, |tables, draft| {
                tables.codes.clear(code.issued_at, draft);
                let codes = tables.codes.by_hash.len();
                check_room(codes, MAX_CODES, "codes in this sandbox")?;
                let number = tables.codes.insert(*hash, code.clone());
                draft.note(|world| put(world, hash, number, &code));
                Ok(())
            })
            .kept()
            .await?
    }

    /// Uses a code up for this client, if it is still good, and keeps the tokens that it is exchanged for: of many who try,
    /// one gets them. Whether it is exchanged at all, `exchange` says, which looks at nothing of the world; the code is used
    /// up either way. Errors: there are as many tokens as there may be; then the code can still be used.
    pub(crate) async fn redeem_code<T>(
        &self,
        world: &Rows,
        (hash, client, now): (&SecretHash, &ClientId, Timestamp),
        exchange: impl FnOnce(&AuthorizationCode) -> T,
        minted: impl Fn(&T) -> &[Token],
    ) -> Result<Option<(AuthorizationCode, T)>, StoreError> {
        self.begin_write()
            .await?
            .write(world, |tables, draft| {
                let code = tables.codes.of(hash, client, now);
                if code.is_none_or(|code| code.expires_at < now) {
                    return Ok(None);
                }
                tables.tokens.check_room(now, draft)?;
                let Some(kept) = tables.codes.by_hash.remove(hash) else {
                    return Ok(None);
                };
                draft.note(|world| delete(world, kept.number));
                let exchanged = exchange(&kept.code);
                tables.tokens.insert_all(minted(&exchanged), draft);
                Ok(Some((kept.code, exchanged)))
            })
            .kept()
            .await?
    }
}
