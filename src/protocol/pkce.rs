//! PKCE with S256 (RFC 7636): verifiers and challenges. `plain` is not supported.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::protocol::secret::Secret;

/// A `code_challenge` as the client sent it. Civitai accepts any text at authorize and never decodes it. No verifier fits
/// a challenge that is too short or padded.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::Type)]
#[sqlx(transparent)]
pub(crate) struct Challenge(pub(crate) String);

impl Challenge {
    /// One that some verifier may fit: 43 characters of base64url (RFC 7636 §4.2).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 43
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        fits.then(|| Self(text.to_owned()))
    }
}

/// A well-formed `code_verifier`: 43 to 128 unreserved characters (RFC 7636 §4.1).
#[derive(Clone)]
pub(crate) struct Verifier(String);

impl std::fmt::Debug for Verifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Verifier(…)")
    }
}

impl Verifier {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = (43..=128).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
        fits.then(|| Self(text.to_owned()))
    }

    /// A verifier of 64 hex digits that were generated for it.
    pub(crate) fn from_random(secret: &Secret) -> Self {
        Self(secret.reveal().to_owned())
    }

    /// The value itself, to present it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// The S256 challenge that it fits.
    pub(crate) fn challenge(&self) -> Challenge {
        Challenge(URL_SAFE_NO_PAD.encode(Sha256::digest(self.0.as_bytes())))
    }

    /// Whether this verifier's S256 is that challenge.
    pub(crate) fn fits(&self, challenge: &Challenge) -> bool {
        self.challenge()
            .0
            .as_bytes()
            .ct_eq(challenge.0.as_bytes())
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_fits() {
        let verifier = Verifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert!(verifier.fits(&Challenge(challenge.to_owned())));
        assert!(
            !verifier.fits(&Challenge(format!("{challenge}="))),
            "padding is not stripped"
        );
        assert_eq!(format!("{verifier:?}"), "Verifier(…)");
        assert!(Verifier::parse(&"a".repeat(42)).is_none());
        assert!(Verifier::parse(&"a".repeat(129)).is_none());
        assert!(Verifier::parse(&"+".repeat(43)).is_none());
    }
}
