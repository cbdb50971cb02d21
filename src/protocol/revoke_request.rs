//! The revocation request (RFC 7009 §2.1). `oauth/revoke.rs` answers it.

use crate::protocol::error::OAuthError;
use crate::protocol::params::Params;
use crate::protocol::secret::Secret;

/// A revocation request. HTTP Basic is not read here, and the hint of RFC 7009 §2.1 is not needed: a token is found
/// without its kind.
#[derive(Debug)]
pub(crate) struct RevokeRequest {
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret>,
    /// Reported after the origin of the request is checked.
    pub(crate) token: Result<Secret, OAuthError>,
}

impl RevokeRequest {
    pub(crate) fn parse(params: &Params) -> Self {
        let token = params.non_empty("token").map(Secret::new);
        Self {
            client_id: params.text("client_id").map(str::to_owned),
            client_secret: params.non_empty("client_secret").map(Secret::new),
            token: token.ok_or_else(|| OAuthError::invalid_request("Missing token parameter")),
        }
    }
}
