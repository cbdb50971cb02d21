//! Tokens: the permission of a user to a client, for a limited time.

use serde::Serialize;

use crate::protocol::ids::{ClientId, UserId};
use crate::protocol::scope::Scope;
use crate::protocol::secret::SecretHash;
use crate::protocol::time::Timestamp;

/// The kind of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// It authorizes API requests.
    Access,
    /// It is exchanged for new tokens.
    Refresh,
}

impl TokenKind {
    /// The word that rows and answers use.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Access, Self::Refresh]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// A token with its hash, without its secret.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) hash: SecretHash,
    pub(crate) kind: TokenKind,
    pub(crate) client_id: ClientId,
    pub(crate) user_id: UserId,
    pub(crate) scope: Scope,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
}

impl Token {
    /// A token is valid up to and including the time at which it expires.
    pub(crate) fn is_unexpired(&self, now: Timestamp) -> bool {
        self.expires_at >= now
    }
}
