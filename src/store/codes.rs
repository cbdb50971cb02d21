//! Operations on authorization codes.

use crate::model::code::AuthorizationCode;
use crate::model::token::Token;
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::codes::{MAX_CODES, StoredCode};
use crate::store::tables::grant_tables::UserClientFilter;
use std::cmp::Reverse;

impl SandboxData {
    /// The unredeemed codes that the filter selects, newest first.
    pub(crate) fn list_codes(&self, filter: UserClientFilter<'_>) -> Vec<AuthorizationCode> {
        let tables = self.read();
        let all = tables.codes.matching(filter);
        let mut found: Vec<(SecretHash, AuthorizationCode)> = all
            .map(|(hash, stored)| (*hash, stored.code.clone()))
            .collect();
        drop(tables);
        found.sort_by_key(|(hash, code)| (Reverse(code.issued_at), *hash));
        found.into_iter().map(|(_, code)| code).collect()
    }

    /// The user that a code was issued for, expired or not.
    pub(crate) fn code_user(&self, hash: &SecretHash) -> Option<UserId> {
        Some(self.read().codes.get(hash)?.code.user_id)
    }

    /// Whether a code of this client has expired. False for an unknown one.
    pub(crate) fn is_code_expired(
        &self,
        hash: &SecretHash,
        client: &ClientId,
        now: Timestamp,
    ) -> bool {
        let tables = self.read();
        let code = tables.codes.find(hash, client, now);
        code.is_some_and(|code| code.expires_at < now)
    }

    /// Stores a new code. Errors: the table is full.
    pub(crate) async fn insert_code(
        &self,
        hash: &SecretHash,
        code: AuthorizationCode,
    ) -> Result<(), StoreError> {
        self.change(|tables, batch| {
            let codes = &mut tables.codes;
            codes.purge_if_due(code.issued_at, MAX_CODES, batch);
            check_room(codes.len(), MAX_CODES, "codes in this sandbox")?;
            let number = codes.number_for(hash);
            codes.put(*hash, StoredCode { number, code }, batch);
            Ok(())
        })
        .await?
    }

    /// Redeems a code of this client that has not expired, and stores the tokens that `issue` returns for it. Of parallel
    /// requests one gets the code, which is used up even if `issue` fails. `issue` runs under the lock of the data and must
    /// not read it. Errors: the table of tokens is full; then the code can still be used.
    pub(crate) async fn redeem_code<T: AsRef<[Token]>, E>(
        &self,
        hash: &SecretHash,
        client: &ClientId,
        now: Timestamp,
        issue: impl FnOnce(&AuthorizationCode) -> Result<T, E>,
    ) -> Result<Option<(AuthorizationCode, Result<T, E>)>, StoreError> {
        self.change(|tables, batch| {
            let code = tables.codes.find(hash, client, now);
            if code.is_none_or(|code| code.expires_at < now) {
                return Ok(None);
            }
            tables.tokens.check_room(now, batch)?;
            let Some(stored) = tables.codes.remove(hash, batch) else {
                return Ok(None);
            };
            let issued = issue(&stored.code);
            if let Ok(tokens) = &issued {
                tables.tokens.insert_all(tokens.as_ref(), batch);
            }
            Ok(Some((stored.code, issued)))
        })
        .await?
    }
}
