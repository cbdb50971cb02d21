//! What names a thing? Client ids are opaque text, user ids are numbers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A client's id: a UUID at Civitai, any text in a seed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub(crate) struct ClientId(pub(crate) String);

impl ClientId {
    /// Ids with this prefix belong to app blocks, which may not act for a user interactively.
    pub(crate) fn is_app_block(id: &str) -> bool {
        id.starts_with("appblk-")
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user's id.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub(crate) struct UserId(pub(crate) i64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
