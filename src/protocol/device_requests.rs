//! The requests of a device (RFC 8628 §3.1 and §3.4). `oauth/device/` answers them.

use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::grant_type::GrantType;
use crate::protocol::ids::ClientId;
use crate::protocol::params::Params;
use crate::protocol::scope::{Scope, leading_integer};
use crate::protocol::secret::Secret;

/// A request for a user code.
#[derive(Debug)]
pub(crate) struct DeviceStartRequest {
    pub(crate) client_id: String,
    /// The bits of the leading digits, 0 without any. None if no scope can have them.
    pub(crate) scope: Option<Scope>,
}

impl DeviceStartRequest {
    pub(crate) fn parse(params: &Params) -> Result<Self, OAuthError> {
        let client_id = params
            .non_empty("client_id")
            .ok_or_else(|| OAuthError::invalid_request("Missing client_id"))?;
        if ClientId::is_app_block(&client_id) {
            return Err(OAuthError::invalid_client(
                "This client cannot be used for the device flow",
            ));
        }
        let number = params.text("scope").and_then(leading_integer);
        let bits = u32::try_from(number.unwrap_or_default());
        Ok(Self {
            client_id,
            scope: bits.ok().map(Scope::from_any_bits),
        })
    }
}

/// A poll for the tokens.
#[derive(Debug)]
pub(crate) struct DeviceTokenRequest {
    pub(crate) device_code: Secret,
    pub(crate) client_id: String,
}

impl DeviceTokenRequest {
    pub(crate) fn parse(params: &Params) -> Result<Self, OAuthError> {
        if params.text("grant_type") != Some(GrantType::DeviceCode.name()) {
            return Err(OAuthError::bare(ErrorCode::UnsupportedGrantType));
        }
        let missing = || OAuthError::bare(ErrorCode::InvalidRequest);
        Ok(Self {
            device_code: params
                .non_empty("device_code")
                .map(Secret::new)
                .ok_or_else(missing)?,
            client_id: params.non_empty("client_id").ok_or_else(missing)?,
        })
    }
}
