//! Operations on device authorizations.

use crate::model::device::{DeviceGrant, UserDecision};
use crate::model::token::Token;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;
use crate::store::columns::check_room;
use crate::store::error::StoreError;
use crate::store::sandbox_data::SandboxData;
use crate::store::tables::devices::{MAX_DEVICES, StoredDevice};

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
        let grant = &tables.devices.get(device_code)?.grant;
        (grant.expires_at > now).then(|| grant.clone())
    }

    /// The authorization whose code a user typed.
    pub(crate) fn find_device_by_user_code(
        &self,
        user_code: &SecretHash,
        now: Timestamp,
    ) -> Option<DeviceGrant> {
        let tables = self.read();
        let (_, StoredDevice { grant, .. }) = tables.devices.of_user_code(user_code)?;
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
            let devices = &mut tables.devices;
            devices.purge_if_due(now, MAX_DEVICES, batch);
            check_room(devices.len(), MAX_DEVICES, "device codes in this sandbox")?;
            if let Some((before, _)) = devices.of_user_code(&user_code) {
                devices.remove(&before, batch);
            }
            devices.put(device_code, StoredDevice { user_code, grant }, batch);
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
            let Some((device_code, device)) = tables.devices.of_user_code(user_code) else {
                return false;
            };
            if device.grant.decision != UserDecision::Pending || device.grant.expires_at <= now {
                return false;
            }
            tables.devices.change(&device_code, batch, |device| {
                device.grant.decision = decision;
            });
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
            let is_claimed = tables.devices.remove(device_code, batch).is_some();
            if is_claimed {
                tables.tokens.insert_all(tokens, batch);
            }
            Ok(is_claimed)
        })
        .await?
    }
}
