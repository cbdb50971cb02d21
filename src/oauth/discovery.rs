//! `/.well-known/openid-configuration`, `/.well-known/jwks.json` and `/api/auth/jwks` (OpenID Connect Discovery, RFC
//! 7517). Pages of other origins may not read them, as at Civitai.

use axum::response::Response;
use serde_json::json;

use crate::contract::Difference;
use crate::http::context::Context;
use crate::http::respond;
use crate::model::client::Grant;
use crate::protocol::scope_rules::scope_bits;

/// The `Allow` header for other methods.
pub(crate) const ALLOW: &str = "GET, HEAD";

/// `GET /.well-known/openid-configuration`.
pub(crate) async fn configuration(context: Context) -> Response {
    let (base, rules) = (context.base.to_string(), context.rules());
    let endpoint = |name: &str| format!("{base}/api/auth/oauth/{name}");
    let scopes: Vec<String> = scope_bits(rules).map(|bit| bit.value.to_string()).collect();
    let mut body = json!({
        "issuer": base,
        "authorization_endpoint": endpoint("authorize"),
        "token_endpoint": endpoint("token"),
        "userinfo_endpoint": endpoint("userinfo"),
        "revocation_endpoint": endpoint("revoke"),
        "device_authorization_endpoint": endpoint("device"),
        "jwks_uri": format!("{base}/.well-known/jwks.json"),
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["code"],
        "grant_types_supported": Grant::ALL,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "none"],
        "scopes_supported": scopes,
        "subject_types_supported": ["public"],
        "claims_supported": ["sub", "name", "preferred_username", "picture", "email", "email_verified"],
    });
    rules.record_divergence(Difference::DiscoveryIntrospection, true);
    if !rules.recorded(Difference::DiscoveryIntrospection) {
        body["introspection_endpoint"] = endpoint("introspect").into();
        body["introspection_endpoint_auth_methods_supported"] =
            json!(["client_secret_basic", "client_secret_post"]);
    }
    respond::cached(&body, "public, max-age=86400")
}

/// `GET /.well-known/jwks.json`.
pub(crate) async fn keys(context: Context) -> Response {
    let key = context.sandbox.key.public_jwk();
    respond::cached(
        &json!({ "keys": [key] }),
        "public, max-age=300, stale-while-revalidate=86400",
    )
}
