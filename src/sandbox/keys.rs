//! The ES256 key that a sandbox signs id tokens with: the one of `--signing-key`, else one generated from the sandbox's
//! entropy and stored with it.

use std::fmt;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use p256::SecretKey;
use p256::ecdsa::SigningKey;
use p256::pkcs8::DecodePrivateKey;
use serde_json::Value;
use sha2::Sha256;

use super::entropy::Entropy;
use crate::invalid::Invalid;
use crate::protocol::jose::{self, RECORDED_KEY_ID};
use crate::protocol::secret::{Secret, hex};
use crate::store::StoredKey;

/// A private key for id tokens, and the `kid` under which its public half is published.
#[derive(Clone)]
pub(crate) struct IdTokenKey {
    id: String,
    key: SigningKey,
}

impl IdTokenKey {
    /// Generates a key. Nearly all values of 32 bytes are keys.
    pub(super) fn generate(entropy: &Entropy) -> Self {
        loop {
            if let Ok(key) = SigningKey::from_slice(&entropy.key_bytes()) {
                // A JWKS cache looks keys up by `kid`: a generated key must not reuse the id of another key.
                return Self {
                    id: jose::thumbprint(&key),
                    key,
                };
            }
        }
    }

    /// Restores a stored key under the id that it was published by.
    pub(super) fn from_stored(stored: &StoredKey) -> Option<Self> {
        let key = SigningKey::from_slice(&stored.private_key).ok()?;
        // Keys without a stored id were published under the recorded one.
        let id = stored.id.as_deref().unwrap_or(RECORDED_KEY_ID).to_owned();
        Some(Self { id, key })
    }

    pub(super) fn to_stored(&self) -> StoredKey {
        StoredKey {
            id: Some(self.id.clone()),
            private_key: self.key.to_bytes().to_vec(),
        }
    }

    /// Reads a P-256 private key in PEM: PKCS#8 (`BEGIN PRIVATE KEY`) or SEC1 (`BEGIN EC PRIVATE KEY`).
    pub(crate) fn from_pem(text: &str, file: &Path) -> Result<Self, Invalid> {
        SecretKey::from_pkcs8_pem(text)
            .ok()
            .or_else(|| SecretKey::from_sec1_pem(text).ok())
            .map(|key| Self {
                id: RECORDED_KEY_ID.to_owned(),
                key: key.into(),
            })
            .ok_or_else(|| Invalid {
                file: Some((file.to_owned(), None)),
                ..Invalid::new("signing_key", "not a P-256 private key in PEM").with_hint(
                    "generate one with: openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256",
                )
            })
    }

    /// The claims as a token signed by this key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        jose::sign(claims, &self.id, &self.key)
    }

    /// Authenticates a text by HMAC-SHA256 with the private key, as 32 hexadecimal digits.
    pub(crate) fn mac(&self, text: &str) -> Secret {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key.to_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        Secret::new(hex(&mac.finalize().into_bytes()[..16]))
    }

    /// The public half as a JWK.
    pub(crate) fn public_jwk(&self) -> Value {
        jose::public_jwk(&self.id, &self.key)
    }
}

impl fmt::Debug for IdTokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdTokenKey(…)")
    }
}
