//! Secrets: tokens, codes, client secrets and session values. Random on the wire, SHA-256 at rest, hidden in `Debug`.
//! `sandbox/entropy.rs` generates them.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What an access or refresh token begins with.
pub(crate) const PREFIX: &str = "civitai_";

/// A value that only its owner may see. `Debug` hides it, and the time of a comparison depends on nothing but its length.
#[derive(Clone, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Hides this value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one request or answer that carries it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The hash that rows store.
    pub(crate) fn hash(&self) -> SecretHash {
        SecretHash::new(&self.0)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl From<&str> for Secret {
    fn from(value: &str) -> Self {
        Self::new(value)
    }
}

impl From<&Secret> for Secret {
    fn from(secret: &Secret) -> Self {
        secret.clone()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The SHA-256 of a [`Secret`]. The time of a comparison, for example in a table, depends on the digests, which does not help
/// to guess the secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SecretHash([u8; 32]);

impl SecretHash {
    pub(crate) fn new(value: &str) -> Self {
        Self(Sha256::digest(value.as_bytes()).into())
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads 64 hex digits.
    pub(crate) fn from_hex(digits: &str) -> Option<Self> {
        let digits = digits.as_bytes();
        let value = |digit: u8| char::from(digit).to_digit(16);
        let bytes = digits.chunks(2).map(|pair| {
            let (high, low) = (value(*pair.first()?)?, value(*pair.get(1)?)?);
            u8::try_from(high * 16 + low).ok()
        });
        Self::from_bytes(&bytes.collect::<Option<Vec<u8>>>()?)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// 64 lower-case hex digits.
    pub(crate) fn to_hex(self) -> String {
        hex(&self.0)
    }

    /// Whether this is the hash of that value, in constant time.
    pub(crate) fn matches(&self, value: &str) -> bool {
        self.0.ct_eq(&Self::new(value).0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash({:02x}{:02x}…)", self.0[0], self.0[1])
    }
}

/// Bytes as lower-case hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a String cannot fail");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_a_secret() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        let hash = secret.hash();
        assert_eq!(format!("{hash:?}").len(), "SecretHash(0000…)".len());
    }

    #[test]
    fn hashes_are_read_from_their_hex_digits() {
        let hash = SecretHash::new("hunter2");
        assert_eq!(SecretHash::from_hex(&hash.to_hex()), Some(hash));
        for wrong in ["", "0", "xy", &hash.to_hex()[1..], &"é".repeat(32)] {
            assert_eq!(SecretHash::from_hex(wrong), None);
        }
    }

    #[test]
    fn secrets_are_equal_when_every_byte_is() {
        let secret = Secret::new("hunter2");
        assert_eq!(secret, Secret::from("hunter2"));
        for other in ["", "hunter", "hunter3", "Hunter2", "hunter22"] {
            assert_ne!(secret, Secret::from(other));
            assert!(!secret.hash().matches(other));
        }
    }
}
