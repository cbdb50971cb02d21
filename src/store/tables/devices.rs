//! The `device_codes` table: pending and decided device authorizations.

use crate::model::device::{DeviceGrant, UserDecision};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::damaged;
use crate::store::error::StoreError;
use crate::store::purge::{Purge, PurgeThreshold};
use crate::store::statement::Statement;
use crate::store::tables::grant_tables::{UserClientFilter, retain_counting};
use crate::store::write_batch::WriteBatch;
use sqlx::SqliteConnection;
use std::collections::HashMap;

/// The most device authorizations of a sandbox.
pub(crate) const MAX_DEVICES: usize = if cfg!(test) { 200 } else { 100_000 };

/// Every device authorization of a sandbox, by its device code and by its user code.
#[derive(Debug, Default, Clone)]
pub(crate) struct DeviceTable {
    pub(crate) by_device_code: HashMap<SecretHash, (SecretHash, DeviceGrant)>,
    pub(crate) by_user_code: HashMap<SecretHash, SecretHash>,
    purge_threshold: PurgeThreshold,
}

impl DeviceTable {
    pub(crate) fn insert(
        &mut self,
        device_code: SecretHash,
        user_code: SecretHash,
        grant: DeviceGrant,
    ) {
        if let Some(before) = self.by_user_code.insert(user_code, device_code) {
            // The file replaces a row of the same user code, too.
            self.by_device_code.remove(&before);
        }
        self.by_device_code.insert(device_code, (user_code, grant));
    }

    /// Returns whether it existed.
    pub(crate) fn remove(&mut self, device_code: &SecretHash) -> bool {
        let Some((user_code, _)) = self.by_device_code.remove(device_code) else {
            return false;
        };
        self.by_user_code.remove(&user_code);
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.by_device_code.is_empty()
    }

    pub(crate) fn count(&self) -> usize {
        self.by_device_code.len()
    }

    /// Removes expired authorizations when the table is past its threshold or full.
    pub(crate) fn purge_if_due(&mut self, now: Timestamp, batch: &mut WriteBatch<'_>) {
        let before = self.by_device_code.len();
        if self.purge_threshold.should_purge(before)
            || before >= MAX_DEVICES && self.purge_threshold.should_purge_when_full(now)
        {
            self.retain(|grant| grant.expires_at >= now);
            let purge = Purge {
                rows_before: before,
                rows_left: self.by_device_code.len(),
                cutoff: now,
                sql: "delete from device_codes where sandbox = ? and expires_at < ?",
            };
            self.purge_threshold.purged(&purge, batch);
        }
    }

    /// Returns how many are removed.
    fn retain(&mut self, keep: impl Fn(&DeviceGrant) -> bool) -> u64 {
        let removed = retain_counting(&mut self.by_device_code, |_, (_, grant)| keep(grant));
        let left = &self.by_device_code;
        self.by_user_code
            .retain(|_, device_code| left.contains_key(device_code));
        removed
    }

    /// Returns how many rows are removed. A device belongs to the user who approved or denied it.
    pub(crate) fn remove_matching(
        &mut self,
        UserClientFilter { user, client }: UserClientFilter<'_>,
    ) -> u64 {
        self.retain(|grant| {
            let by = match grant.decision {
                UserDecision::Approved { by } => Some(by),
                UserDecision::Denied { by } => by,
                UserDecision::Pending => None,
            };
            let is_theirs = user.is_none_or(|user| by == Some(user));
            !(is_theirs && client.is_none_or(|client| grant.client_id == *client))
        })
    }

    pub(crate) fn of_user_code(
        &mut self,
        user_code: &SecretHash,
    ) -> Option<(SecretHash, &mut DeviceGrant)> {
        let device_code = *self.by_user_code.get(user_code)?;
        let (_, grant) = self.by_device_code.get_mut(&device_code)?;
        Some((device_code, grant))
    }

    /// Reads the rows of a sandbox from the file.
    pub(crate) async fn read(db: &mut SqliteConnection, key: &str) -> Result<Self, StoreError> {
        let rows: Vec<DeviceRow> = sqlx::query_as(
            "select hash, user_code_hash, client_id, scope, status, user_id, expires_at from device_codes
             where sandbox = ?",
        )
        .bind(key)
        .fetch_all(db)
        .await?;
        let mut devices = Self::default();
        for row in rows {
            let (device_code, user_code, grant) = row.read()?;
            devices.insert(device_code, user_code, grant);
        }
        Ok(devices)
    }
}

#[derive(Debug, sqlx::FromRow)]
struct DeviceRow {
    hash: Vec<u8>,
    user_code_hash: Vec<u8>,
    client_id: ClientId,
    scope: u32,
    status: String,
    user_id: Option<UserId>,
    expires_at: Timestamp,
}

impl DeviceRow {
    fn read(self) -> Result<(SecretHash, SecretHash, DeviceGrant), StoreError> {
        let decision = match (self.status.as_str(), self.user_id) {
            ("pending", _) => UserDecision::Pending,
            ("denied", by) => UserDecision::Denied { by },
            ("approved", Some(by)) => UserDecision::Approved { by },
            _ => return Err(damaged("device status", &self.status)),
        };
        let hash = |bytes: &[u8]| {
            SecretHash::from_bytes(bytes).ok_or_else(|| damaged("device code hash", &bytes.len()))
        };
        let grant = DeviceGrant {
            client_id: self.client_id,
            scope: Scope::from_any_bits(self.scope),
            decision,
            expires_at: self.expires_at,
        };
        Ok((hash(&self.hash)?, hash(&self.user_code_hash)?, grant))
    }
}

pub(crate) fn insert(
    key: &str,
    device_code: &SecretHash,
    user_code: &SecretHash,
    grant: &DeviceGrant,
) -> Statement {
    let (status, user) = columns(grant.decision);
    Statement::new(
        "insert or replace into device_codes
             (sandbox, hash, user_code_hash, client_id, scope, status, user_id, expires_at)
         values (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key)
    .bind(device_code.as_bytes())
    .bind(user_code.as_bytes())
    .bind(&grant.client_id)
    .bind(grant.scope.bits())
    .bind(status)
    .bind(user)
    .bind(grant.expires_at)
}

pub(crate) fn decide(key: &str, device_code: &SecretHash, decision: UserDecision) -> Statement {
    let (status, user) = columns(decision);
    Statement::new("update device_codes set status = ?, user_id = ? where sandbox = ? and hash = ?")
        .bind(status)
        .bind(user)
        .bind(key)
        .bind(device_code.as_bytes())
}

pub(crate) fn delete(key: &str, device_code: &SecretHash) -> Statement {
    Statement::new("delete from device_codes where sandbox = ? and hash = ?")
        .bind(key)
        .bind(device_code.as_bytes())
}

/// The values of the columns `status` and `user_id`.
fn columns(decision: UserDecision) -> (&'static str, Option<UserId>) {
    match decision {
        UserDecision::Pending => ("pending", None),
        UserDecision::Approved { by } => ("approved", Some(by)),
        UserDecision::Denied { by } => ("denied", by),
    }
}
