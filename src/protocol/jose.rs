//! Signed tokens: compact JWS with ES256 (RFC 7515, RFC 7518 §3.4), the JWK that verifies them (RFC 7517) and its
//! thumbprint (RFC 7638). The key of a sandbox is in `sandbox/keys.rs`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The `kid` of Civitai's key, as recorded.
pub(crate) const RECORDED_KEY_ID: &str = "civitai-2026-06";

/// The claims as a signed token.
pub(crate) fn sign(claims: &Value, key_id: &str, key: &SigningKey) -> String {
    let header = json!({ "alg": "ES256", "kid": key_id, "typ": "JWT" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// The public half of the key, as a JWK.
pub(crate) fn public_jwk(key_id: &str, key: &SigningKey) -> Value {
    let Coordinates { x, y } = Coordinates::new(key);
    json!({
        "kty": "EC",
        "x": x,
        "y": y,
        "crv": "P-256",
        "kid": key_id,
        "use": "sig",
        "alg": "ES256",
    })
}

/// The SHA-256 thumbprint of the public key (RFC 7638): an id that two keys never share.
pub(crate) fn thumbprint(key: &SigningKey) -> String {
    let Coordinates { x, y } = Coordinates::new(key);
    // RFC 7638 §3.2: the required members of an EC key, in lexicographic order, without white space.
    let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    URL_SAFE_NO_PAD.encode(Sha256::digest(canonical))
}

/// The point of a public key, base64url.
struct Coordinates {
    x: String,
    y: String,
}

impl Coordinates {
    fn new(key: &SigningKey) -> Self {
        let point = key.verifying_key().to_sec1_point(false);
        let encode = |bytes: Option<&[u8]>| URL_SAFE_NO_PAD.encode(bytes.unwrap_or_default());
        Self {
            x: encode(point.x().map(AsRef::as_ref)),
            y: encode(point.y().map(AsRef::as_ref)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thumbprint_follows_rfc_7638() {
        let key = SigningKey::from_slice(&[7; 32]).unwrap();
        // Computed independently: sha256 of {"crv":"P-256","kty":"EC","x":"HhhT…","y":"pGwx…"}.
        assert_eq!(
            thumbprint(&key),
            "gWjt7nmB1udyFpLYVp0SxJnI8lJEvl7q8AFYZRqnGV8"
        );
    }
}
