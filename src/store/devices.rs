//! Operations on device authorizations.

use crate::model::device::{DeviceGrant, UserDecision};
use crate::model::token::Token;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::devices::{MAX_DEVICES, decide, delete, insert};

/// A device authorization that begins.
#[derive(Debug)]
pub(crate) struct NewDevice {
    pub(crate) device_code: SecretHash,
    pub(crate) user_code: SecretHash,
    pub(crate) grant: DeviceGrant,
    pub(crate) now: Timestamp,
}

impl SandboxData {
    /// The authorization that a device polls for.
    pub(crate) fn find_device(
        &self,
        device_code: &SecretHash,
        now: Timestamp,
    ) -> Option<DeviceGrant> {
        let tables = self.read();
        let (_, grant) = tables.devices.by_device_code.get(device_code)?;
        (grant.expires_at > now).then(|| grant.clone())
    }

    /// The authorization whose code a user typed.
    pub(crate) fn find_device_by_user_code(
        &self,
        user_code: &SecretHash,
        now: Timestamp,
    ) -> Option<DeviceGrant> {
        let tables = self.read();
        let device_code = tables.devices.by_user_code.get(user_code)?;
        let (_, grant) = tables.devices.by_device_code.get(device_code)?;
        (grant.expires_at > now).then(|| grant.clone())
    }

    /// Stores a new device authorization. Errors: the table is full.
    pub(crate) async fn insert_device(&self, device: NewDevice) -> Result<(), StoreError> {
        let NewDevice {
            device_code,
            user_code,
            grant,
            now,
        } = device;
        self.change(|tables, batch| {
            tables.devices.purge_if_due(now, batch);
            let devices = tables.devices.count();
            check_room(devices, MAX_DEVICES, "device codes in this sandbox")?;
            batch.push(|key| insert(key, &device_code, &user_code, &grant));
            tables.devices.insert(device_code, user_code, grant);
            Ok(())
        })
        .await?
    }

    /// Approves or denies a pending device. Returns whether it was pending: of parallel verdicts, the first counts.
    pub(crate) async fn decide_device(
        &self,
        user_code: &SecretHash,
        decision: UserDecision,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.change(|tables, batch| {
            let Some((device_code, grant)) = tables.devices.of_user_code(user_code) else {
                return false;
            };
            if grant.decision != UserDecision::Pending || grant.expires_at <= now {
                return false;
            }
            grant.decision = decision;
            batch.push(|key| decide(key, &device_code, decision));
            true
        })
        .await
    }

    /// Uses a device code up and stores the tokens that it is exchanged for, if any. Returns whether it existed: of parallel
    /// calls, one gets it. Errors: the table of tokens is full; then the device code can still be used.
    pub(crate) async fn claim_device(
        &self,
        device_code: &SecretHash,
        tokens: &[Token],
    ) -> Result<bool, StoreError> {
        self.change(|tables, batch| {
            if let Some(first) = tokens.first() {
                tables.tokens.check_room(first.issued_at, batch)?;
            }
            let is_claimed = tables.devices.remove(device_code);
            if is_claimed {
                batch.push(|key| delete(key, device_code));
                tables.tokens.insert_all(tokens, batch);
            }
            Ok(is_claimed)
        })
        .await?
    }
}
