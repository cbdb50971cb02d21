//! State of a device authorization (RFC 8628): it is pending, approved by a user, or denied;
//! once claimed it is removed.

use crate::model::client::Client;
use crate::protocol::error::{ErrorCode, OAuthError};
use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::time::Timestamp;

/// How long a device has, in seconds.
pub(crate) const LIFETIME_SECONDS: u32 = 900;

/// How many seconds a device should wait between two polls. Advertised only: faster polls are never refused, and the advice
/// rule `device-poll-too-fast` reports them.
pub(crate) const INTERVAL_SECONDS: u32 = 5;

/// The user's decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserDecision {
    Pending,
    Approved {
        by: UserId,
    },
    /// By a user, or by a control call.
    Denied {
        by: Option<UserId>,
    },
}

/// A device authorization, less its codes.
#[derive(Debug, Clone)]
pub(crate) struct DeviceGrant {
    pub(crate) client_id: ClientId,
    /// With [`Scope::USER_READ`].
    pub(crate) scope: Scope,
    pub(crate) decision: UserDecision,
    pub(crate) expires_at: Timestamp,
}

/// The result of one poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Poll {
    /// The device may claim its tokens for this user.
    Claim(UserId),
    /// The answer is an error, and the code is used up.
    Ended(OAuthError),
    /// The answer is an error, for now or for this client.
    Refused(OAuthError),
}

impl DeviceGrant {
    /// The answer to the client of this id.
    pub(crate) fn poll(&self, client_id: &str) -> Poll {
        if self.client_id.as_str() != client_id {
            return Poll::Refused(OAuthError::bare(ErrorCode::InvalidGrant));
        }
        match self.decision {
            UserDecision::Denied { .. } => Poll::Ended(OAuthError::bare(ErrorCode::UserDenied)),
            UserDecision::Pending => {
                Poll::Refused(OAuthError::bare(ErrorCode::AuthorizationPending))
            }
            UserDecision::Approved { by } => Poll::Claim(by),
        }
    }
}

/// Refused under every contract, unlike the code grant's scope, which may be trimmed.
pub(crate) fn check_scope_ceiling(client: &Client, scope: Scope) -> Result<(), OAuthError> {
    if client.scope_ceiling().covers(scope) {
        return Ok(());
    }
    Err(OAuthError::invalid_scope(
        "Requested scope exceeds client permissions",
    ))
}
