//! Ids: a client's is text, a user's is a number.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A client's id: a UUID at Civitai, text in a seed.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(inline))]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct ClientId(pub String);

impl ClientId {
    /// Each token, code and consent stores the id of its client. Civitai's are UUIDs of 36 bytes.
    pub(crate) const MAX_BYTES: usize = 255;

    /// Ids with this prefix belong to app blocks, which may not act for a user interactively.
    pub(crate) fn is_app_block(id: &str) -> bool {
        id.starts_with("appblk-")
    }

    /// Whether a client can authenticate by this id in every way that the token endpoint offers. Errors: the rule it breaks.
    pub(crate) fn check(id: &str) -> Result<(), String> {
        if id.len() > Self::MAX_BYTES {
            let (bytes, most) = (id.len(), Self::MAX_BYTES);
            return Err(format!("{bytes} bytes; a client id has at most {most}"));
        }
        if let Some(wrong) = id.chars().find(|c| !matches!(c, ' '..='~')) {
            // The token endpoint refuses it as `Invalid parameter: client_id`, in the body and in HTTP Basic.
            return Err(format!(
                "{wrong:?} in {id:?} is not printable ASCII, as RFC 6749 appendix A.1 asks of a client id"
            ));
        }
        if id.contains(':') {
            // HTTP Basic is split at its first colon and not percent-decoded, so that `a%3Ab` is a different client.
            return Err(format!(
                "{id:?} has a colon, at which HTTP Basic ends the client id"
            ));
        }
        Ok(())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for ClientId {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for ClientId {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// A user's id.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(inline))]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct UserId(pub i64);

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl PartialEq<i64> for UserId {
    fn eq(&self, other: &i64) -> bool {
        self.0 == *other
    }
}
