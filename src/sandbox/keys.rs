//! What does a sandbox sign id tokens with? An ES256 key: the one it was given, else one of its own that it
//! drew from its entropy and keeps.

use std::fmt;
use std::path::Path;

use p256::SecretKey;
use p256::ecdsa::SigningKey;
use p256::pkcs8::DecodePrivateKey;

use super::entropy::Entropy;
use crate::invalid::Invalid;

/// A private key for id tokens.
#[derive(Clone)]
pub(crate) struct IdTokenKey(SigningKey);

impl IdTokenKey {
    /// Draws a key. Nearly every 32 bytes are one; those that are not are drawn again.
    pub(super) fn draw(entropy: &Entropy) -> Self {
        loop {
            if let Some(key) = Self::from_bytes(&entropy.key_bytes()) {
                return key;
            }
        }
    }

    /// The key that these bytes are, as [`IdTokenKey::to_bytes`] gave them.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        SigningKey::from_slice(bytes).ok().map(Self)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.0.to_bytes().to_vec()
    }

    /// Reads a P-256 private key in PEM: PKCS#8 (`BEGIN PRIVATE KEY`) or SEC1 (`BEGIN EC PRIVATE KEY`).
    pub(crate) fn from_pem(text: &str, file: &Path) -> Result<Self, Invalid> {
        SecretKey::from_pkcs8_pem(text)
            .ok()
            .or_else(|| SecretKey::from_sec1_pem(text).ok())
            .map(|key| Self(key.into()))
            .ok_or_else(|| Invalid {
                file: Some((file.to_owned(), None)),
                ..Invalid::new("signing_key", "not a P-256 private key in PEM").with_hint(
                    "make one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
                )
            })
    }

    pub(crate) fn signing_key(&self) -> &SigningKey {
        &self.0
    }
}

impl fmt::Debug for IdTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdTokenKey(…)")
    }
}
