//! The `device_codes` table: pending and decided device authorizations.

use super::grant_tables::UserClientFilter;
use super::sql::{TableSql, table_sql};
use super::table::{ExpiringRow, GrantRow, Index, Row, Table};
use crate::model::device::{DeviceGrant, UserDecision};
use crate::protocol::ids::UserId;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::{ROW_BYTES, damaged, scope, secret_hash};
use crate::store::error::StoreError;
use crate::store::statement::Statement;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;
use std::collections::HashMap;

/// The most device authorizations of a sandbox.
pub(crate) const MAX_DEVICES: usize = if cfg!(test) { 200 } else { 100_000 };

/// A device authorization; its key is the device code.
#[derive(Debug, Clone)]
pub(crate) struct StoredDevice {
    pub(crate) user_code: SecretHash,
    pub(crate) grant: DeviceGrant,
}

impl Row for StoredDevice {
    type Key = SecretHash;
    type Index = DeviceIndex;

    const SQL: TableSql = table_sql!(
        "device_codes",
        key: "hash" = "?",
        columns: "user_code_hash, client_id, scope, status, user_id, expires_at" = "?, ?, ?, ?, ?, ?",
        bytes: "512"
    );

    fn size_in_bytes(&self) -> usize {
        2 * ROW_BYTES
    }

    fn bind_key(&self, device_code: &SecretHash, statement: Statement) -> Statement {
        statement.bind(device_code.as_bytes())
    }

    fn bind_columns(&self, _: &SecretHash, statement: Statement) -> Statement {
        let (status, user) = match self.grant.decision {
            UserDecision::Pending => ("pending", None),
            UserDecision::Approved { by } => ("approved", Some(by)),
            UserDecision::Denied { by } => ("denied", by),
        };
        statement
            .bind(self.user_code.as_bytes())
            .bind(&self.grant.client_id)
            .bind(self.grant.scope.bits())
            .bind(status)
            .bind(user)
            .bind(self.grant.expires_at)
    }

    fn read(row: &SqliteRow) -> Result<(SecretHash, Self), StoreError> {
        let status: &str = row.try_get("status")?;
        let user: Option<UserId> = row.try_get("user_id")?;
        let decision = match (status, user) {
            ("pending", _) => UserDecision::Pending,
            ("denied", by) => UserDecision::Denied { by },
            ("approved", Some(by)) => UserDecision::Approved { by },
            _ => return Err(damaged("device status", &status)),
        };
        let grant = DeviceGrant {
            client_id: row.try_get("client_id")?,
            scope: scope(row)?,
            decision,
            expires_at: row.try_get("expires_at")?,
        };
        let hash = |column| secret_hash("device code hash", row.try_get(column)?);
        let user_code = hash("user_code_hash")?;
        Ok((hash("hash")?, Self { user_code, grant }))
    }
}

impl GrantRow for StoredDevice {
    /// A device belongs to the user who approved or denied it.
    fn matches(&self, UserClientFilter { user, client }: UserClientFilter<'_>) -> bool {
        let by = match self.grant.decision {
            UserDecision::Approved { by } => Some(by),
            UserDecision::Denied { by } => by,
            UserDecision::Pending => None,
        };
        user.is_none_or(|user| by == Some(user))
            && client.is_none_or(|client| self.grant.client_id == *client)
    }
}

impl ExpiringRow for StoredDevice {
    const DELETE_EXPIRED: &'static str =
        "delete from device_codes where sandbox = ? and expires_at < ?";

    fn retained_until(&self) -> Timestamp {
        self.grant.expires_at
    }
}

/// The device codes by their user codes.
#[derive(Debug, Clone, Default)]
pub(crate) struct DeviceIndex(HashMap<SecretHash, SecretHash>);

impl Index<StoredDevice> for DeviceIndex {
    fn insert(&mut self, device_code: &SecretHash, row: &mut StoredDevice) {
        self.0.insert(row.user_code, *device_code);
    }

    fn remove(&mut self, _: &SecretHash, row: &StoredDevice) {
        self.0.remove(&row.user_code);
    }
}

impl Table<StoredDevice> {
    /// The device code and the authorization of a user code.
    pub(crate) fn of_user_code(
        &self,
        user_code: &SecretHash,
    ) -> Option<(SecretHash, &StoredDevice)> {
        let device_code = self.index.0.get(user_code)?;
        Some((*device_code, self.get(device_code)?))
    }
}
