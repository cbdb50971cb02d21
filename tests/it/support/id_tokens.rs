//! Verification of id tokens by a third-party library.

use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::{App, SandboxClient};

pub(crate) const JWKS: &str = "/.well-known/jwks.json";
pub(crate) const CONFIGURATION: &str = "/.well-known/openid-configuration";

impl SandboxClient {
    /// The public key, as the JWKS publishes it.
    pub(crate) async fn jwk(&self) -> Value {
        let keys = self.get(JWKS).await.json();
        assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
        keys["keys"][0].clone()
    }

    /// An id token that ada gave the app.
    pub(crate) async fn id_token(&self, app: &App, nonce: &str) -> String {
        let code = self
            .approve(&app.authorize_params("1").and("nonce", nonce))
            .await
            .code();
        self.token(&app.redeem_params(&code)).await.text("id_token")
    }

    /// The claims of an id token that the sandbox's published key has signed, for this audience, now.
    pub(crate) async fn verified(
        &self,
        id_token: &str,
        audience: &str,
    ) -> Result<Map<String, Value>, jsonwebtoken::errors::Error> {
        let keys: JwkSet =
            serde_json::from_value(self.get(JWKS).await.json()).expect("a JWKS (RFC 7517)");
        let id = decode_header(id_token)?
            .kid
            .expect("the header names the key");
        // Without a key of this name, an app may try another one.
        let key = keys.find(&id).or(keys.keys.first());
        let key = DecodingKey::from_jwk(key.expect("a key is published"))?;
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&[audience]);
        rules.set_issuer(&[&self.base]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        decode(id_token, &key, &rules).map(|token| token.claims)
    }
}
