//! PKCE with S256 (RFC 7636): verifiers and challenges. `plain` is not supported.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::protocol::secret::{self, Secret};

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

impl Challenge {
    /// The known mistake that makes this challenge of the verifier.
    pub(crate) fn mistake(&self, verifier: &Verifier) -> Option<&'static str> {
        let digest = Sha256::digest(verifier.0.as_bytes());
        let hex = secret::hex(&digest);
        let right = verifier.challenge().0;
        if self.0 == verifier.0 {
            Some("the challenge is the verifier itself, as with the method plain")
        } else if self.0.trim_end_matches('=') == right {
            Some("the challenge is padded with \"=\"")
        } else if self.0.trim_end_matches('=') == STANDARD_NO_PAD.encode(digest) {
            Some("the challenge is in base64 and not in base64url")
        } else if self.0 == hex {
            Some("the challenge is the digest in hexadecimal and not in base64url")
        } else if self.0.trim_end_matches('=') == URL_SAFE_NO_PAD.encode(&hex) {
            Some("the challenge is the base64url of the hexadecimal digest, and not of its bytes")
        } else {
            None
        }
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
    fn the_mistake_behind_a_challenge_is_found() {
        let verifier = Verifier::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        for (challenge, mistake) in [
            ("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", "plain"),
            ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", "padded"),
            ("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM=", "in base64"),
            (
                "13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3",
                "the digest in hexadecimal",
            ),
            (
                "MTNkMzFlOTYxYTFhZDhlYzJmMTZiMTBjNGM5ODJlMDg3NmE4NzhhZDZkZjE0NDU2NmVlMTg5NGFjYjcwZjljMw",
                "of the hexadecimal digest",
            ),
        ] {
            let found = Challenge(challenge.to_owned()).mistake(&verifier);
            assert!(
                found.is_some_and(|found| found.contains(mistake)),
                "{challenge}: {found:?}"
            );
        }
        let other = Verifier::parse(&"a".repeat(43)).unwrap();
        assert_eq!(other.challenge().mistake(&verifier), None);
    }

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
