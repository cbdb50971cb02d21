//! What does a signed token look like? Compact JWS with ES256 (RFC 7515, RFC 7518 §3.4) and the JWK that
//! verifies it (RFC 7517). Whose key it is, is `sandbox/keys.rs`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};

/// The id of Civitai's key.
pub(crate) const KEY_ID: &str = "civitai-2026-06";

/// The claims as a signed token.
pub(crate) fn sign(claims: &Value, key: &SigningKey) -> String {
    let header = json!({ "alg": "ES256", "kid": KEY_ID, "typ": "JWT" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(claims));
    let signature: Signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
}

/// The public half of the key, as a JWK.
pub(crate) fn public_jwk(key: &SigningKey) -> Value {
    let point = key.verifying_key().to_sec1_point(false);
    let coordinate = |bytes: Option<&[u8]>| URL_SAFE_NO_PAD.encode(bytes.unwrap_or_default());
    json!({
        "kty": "EC",
        "x": coordinate(point.x().map(AsRef::as_ref)),
        "y": coordinate(point.y().map(AsRef::as_ref)),
        "crv": "P-256",
        "kid": KEY_ID,
        "use": "sig",
        "alg": "ES256",
    })
}
