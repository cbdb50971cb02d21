//! The `device_codes` table: devices that wait for their user.

use super::{Store, StoreError, damaged, scope};
use crate::model::device::{DeviceGrant, Verdict};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

type Row = (ClientId, u32, String, Option<UserId>, Timestamp);

fn from_row((client_id, bits, status, user, expires_at): Row) -> Result<DeviceGrant, StoreError> {
    let verdict = match (status.as_str(), user) {
        ("pending", _) => Verdict::Pending,
        ("denied", _) => Verdict::Denied,
        ("approved", Some(by)) => Verdict::Approved { by },
        _ => return Err(damaged("device status", &status)),
    };
    Ok(DeviceGrant {
        client_id,
        scope: scope(bits)?,
        verdict,
        expires_at,
    })
}

impl Store {
    /// Keeps a device authorization that has just begun.
    pub(crate) async fn insert_device(
        &self,
        sandbox: &str,
        (device_code, user_code): (&SecretHash, &SecretHash),
        grant: &DeviceGrant,
    ) -> Result<(), StoreError> {
        sqlx::query(
            "insert into device_codes
                 (sandbox, hash, user_code_hash, client_id, scope, status, expires_at)
             values (?, ?, ?, ?, ?, 'pending', ?)",
        )
        .bind(sandbox)
        .bind(device_code.as_bytes())
        .bind(user_code.as_bytes())
        .bind(&grant.client_id)
        .bind(grant.scope.bits())
        .bind(grant.expires_at)
        .execute(&self.pool)
        .await?;
        Ok(())
    }

    /// The authorization that a device polls for.
    pub(crate) async fn find_device(
        &self,
        sandbox: &str,
        device_code: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<DeviceGrant>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "select client_id, scope, status, user_id, expires_at from device_codes
             where sandbox = ? and hash = ? and expires_at > ?",
        )
        .bind(sandbox)
        .bind(device_code.as_bytes())
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// The authorization that a user typed the code of.
    pub(crate) async fn find_device_by_user_code(
        &self,
        sandbox: &str,
        user_code: &SecretHash,
        now: Timestamp,
    ) -> Result<Option<DeviceGrant>, StoreError> {
        let row: Option<Row> = sqlx::query_as(
            "select client_id, scope, status, user_id, expires_at from device_codes
             where sandbox = ? and user_code_hash = ? and expires_at > ?",
        )
        .bind(sandbox)
        .bind(user_code.as_bytes())
        .bind(now)
        .fetch_optional(&self.pool)
        .await?;
        row.map(from_row).transpose()
    }

    /// Approves or denies a device that waits. Whether it still did: of many verdicts, the first counts.
    pub(crate) async fn decide_device(
        &self,
        sandbox: &str,
        user_code: &SecretHash,
        verdict: Verdict,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (status, user) = match verdict {
            Verdict::Pending => ("pending", None),
            Verdict::Approved { by } => ("approved", Some(by)),
            Verdict::Denied => ("denied", None),
        };
        let done = sqlx::query(
            "update device_codes set status = ?, user_id = ?
             where sandbox = ? and user_code_hash = ? and status = 'pending' and expires_at > ?",
        )
        .bind(status)
        .bind(user)
        .bind(sandbox)
        .bind(user_code.as_bytes())
        .bind(now)
        .execute(&self.pool)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Uses a device code up. Whether it was there: of many who claim it, one does.
    pub(crate) async fn claim_device(
        &self,
        sandbox: &str,
        device_code: &SecretHash,
    ) -> Result<bool, StoreError> {
        let done = sqlx::query("delete from device_codes where sandbox = ? and hash = ?")
            .bind(sandbox)
            .bind(device_code.as_bytes())
            .execute(&self.pool)
            .await?;
        Ok(done.rows_affected() > 0)
    }
}
