//! `/.well-known/openid-configuration`, `/.well-known/jwks.json` and `/api/auth/jwks` (OpenID Connect Discovery, RFC
//! 7517). Pages of other origins may not read them, as at Civitai.

use axum::Json;
use axum::http::header::CACHE_CONTROL;
use axum::response::IntoResponse;
use serde_json::json;

use crate::contract::Difference;
use crate::http::context::RequestContext;
use crate::protocol::endpoint::{self, EndpointSpec};
use crate::protocol::grant_type::GrantType;
use crate::protocol::scope_rules::scope_bits;

/// `GET /.well-known/openid-configuration`.
pub(crate) async fn configuration(context: RequestContext) -> impl IntoResponse {
    let (base, rules) = (context.base.to_string(), context.rules());
    let url = |endpoint: &EndpointSpec| format!("{base}{}", endpoint.path());
    let scopes: Vec<String> = scope_bits(rules).map(|bit| bit.value.to_string()).collect();
    let mut body = json!({
        "issuer": base,
        "authorization_endpoint": url(&endpoint::AUTHORIZE),
        "token_endpoint": url(&endpoint::TOKEN),
        "userinfo_endpoint": url(&endpoint::USERINFO),
        "revocation_endpoint": url(&endpoint::REVOKE),
        "device_authorization_endpoint": url(&endpoint::DEVICE),
        "jwks_uri": url(&endpoint::JWKS_JSON),
        "id_token_signing_alg_values_supported": ["ES256"],
        "response_types_supported": ["code"],
        "grant_types_supported": GrantType::SUPPORTED,
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post", "none"],
        "scopes_supported": scopes,
        "subject_types_supported": ["public"],
        "claims_supported": ["sub", "name", "preferred_username", "picture", "email", "email_verified"],
    });
    rules.record_divergence(Difference::DiscoveryIntrospection, true);
    if !rules.follows_recording(Difference::DiscoveryIntrospection) {
        body["introspection_endpoint"] = url(&endpoint::INTROSPECT).into();
        body["introspection_endpoint_auth_methods_supported"] =
            json!(["client_secret_basic", "client_secret_post"]);
    }
    ([(CACHE_CONTROL, "public, max-age=86400")], Json(body))
}

/// `GET /.well-known/jwks.json`.
pub(crate) async fn keys(context: RequestContext) -> impl IntoResponse {
    let key = context.sandbox.key.public_jwk();
    let cached = "public, max-age=300, stale-while-revalidate=86400";
    ([(CACHE_CONTROL, cached)], Json(json!({ "keys": [key] })))
}
