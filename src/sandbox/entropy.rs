//! The only source of randomness, from which every secret is generated. With `--entropy-seed`, a sandbox generates the same
//! values in every run; with a database file, each run generates its own.

use std::sync::{Mutex, PoisonError};

use rand::rngs::{ChaCha20Rng, SysRng};
use rand::{Rng, SeedableRng, TryRng};
use sha2::{Digest, Sha256};

use crate::protocol::pkce::Verifier;
use crate::protocol::secret::{PREFIX, Secret, hex};
use crate::protocol::time::Timestamp;
use crate::protocol::user_code::{ALPHABET, normalise};

/// The digits of a ULID.
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The randomness of one sandbox.
pub(crate) struct Entropy(Mutex<ChaCha20Rng>);

impl Entropy {
    /// The same entropy seed, sandbox and run give the same values; without an entropy seed they are unpredictable. Values of
    /// earlier runs are in the rows of the database file, so each run generates other ones.
    pub(crate) fn new(entropy_seed: Option<u64>, sandbox: &str, run: u64) -> Self {
        let mut key = [0; 32];
        match entropy_seed {
            Some(seed) => {
                let digest = Sha256::new()
                    .chain_update(seed.to_be_bytes())
                    .chain_update(sandbox);
                key = digest.finalize().into();
            }
            None => SysRng
                .try_fill_bytes(&mut key)
                .expect("the system has randomness"),
        }
        let mut generator = ChaCha20Rng::from_seed(key);
        generator.set_stream(run);
        Self(Mutex::new(generator))
    }

    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        // A generator is usable in any state that a panic may have left it in.
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill_bytes(&mut bytes);
        bytes
    }

    /// An authorization code: 64 lower-case hex digits.
    pub(crate) fn authorization_code(&self) -> Secret {
        Secret::new(hex(&self.bytes::<32>()))
    }

    /// A PKCE verifier (RFC 7636 §4.1): 64 lower-case hex digits.
    pub(crate) fn verifier(&self) -> Verifier {
        Verifier::from_random(&Secret::new(hex(&self.bytes::<32>())))
    }

    /// An access or refresh token: `civitai_` and 36 hex digits.
    pub(crate) fn token(&self) -> Secret {
        Secret::new(format!("{PREFIX}{}", hex(&self.bytes::<18>())))
    }

    /// A device code: 64 lower-case hex digits.
    pub(crate) fn device_code(&self) -> Secret {
        Secret::new(hex(&self.bytes::<32>()))
    }

    /// A user code: `XXXX-XXXX`. The alphabet has 32 characters, so that each is as likely as any other.
    pub(crate) fn user_code(&self) -> Secret {
        let generate = |byte: u8| char::from(ALPHABET[usize::from(byte) % ALPHABET.len()]);
        let characters: String = self.bytes::<8>().into_iter().map(generate).collect();
        Secret::new(normalise(&characters))
    }

    /// A workflow's id: `wf_` and a ULID, which begins with the time.
    pub(crate) fn workflow_id(&self, now: Timestamp) -> String {
        let mut bytes = self.bytes::<16>();
        // Six bytes of milliseconds.
        bytes[..6].copy_from_slice(&now.0.to_be_bytes()[2..]);
        let number = u128::from_be_bytes(bytes);
        let digit = |at: u32| {
            let five = u8::try_from(number >> (5 * at) & 0x1f).unwrap_or_default();
            char::from(CROCKFORD[usize::from(five)])
        };
        format!("wf_{}", (0..26).rev().map(digit).collect::<String>())
    }

    /// A number from 0 up to 1.
    pub(crate) fn fraction(&self) -> f64 {
        f64::from(u32::from_be_bytes(self.bytes())) / (f64::from(u32::MAX) + 1.0)
    }

    /// Bytes for a private key.
    pub(super) fn key_bytes(&self) -> [u8; 32] {
        self.bytes()
    }

    /// The value of a cookie: 64 lower-case hex digits.
    pub(crate) fn cookie(&self) -> Secret {
        Secret::new(hex(&self.bytes::<32>()))
    }

    /// A client secret: 48 lower-case hex digits.
    pub(crate) fn client_secret(&self) -> Secret {
        Secret::new(hex(&self.bytes::<24>()))
    }

    /// A client id, a `state`, the name of a sandbox: a version 4 UUID (RFC 9562 §5.4).
    pub(crate) fn uuid(&self) -> String {
        let mut bytes = self.bytes::<16>();
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = hex(&bytes);
        let groups = [
            &digits[..8],
            &digits[8..12],
            &digits[12..16],
            &digits[16..20],
            &digits[20..],
        ];
        groups.join("-")
    }
}

impl std::fmt::Debug for Entropy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entropy_seed_determines_the_values_of_each_sandbox() {
        let generate = |seed, name| Entropy::new(seed, name, 0).token().reveal().to_owned();
        assert_eq!(generate(Some(7), "a"), generate(Some(7), "a"));
        assert_ne!(generate(Some(7), "a"), generate(Some(7), "b"));
        assert_ne!(generate(None, "a"), generate(None, "a"));
        assert_eq!(generate(None, "a").len(), 44);
    }

    #[test]
    fn client_ids_are_version_4_uuids() {
        let id = Entropy::new(Some(1), "x", 0).uuid();
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"));
    }
}
