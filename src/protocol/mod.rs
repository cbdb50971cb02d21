//! The parsed words of the protocol: scopes, PKCE, redirect URIs, parameters, requests and errors. Pure; each is parsed
//! once, into a type whose values are well-formed.

#[macro_use]
mod string_enum;

pub(crate) mod authorize_request;
pub(crate) mod client_auth;
pub(crate) mod contract_rules;
pub(crate) mod declared_scopes;
pub(crate) mod device_requests;
pub(crate) mod duration;
pub(crate) mod endpoint;
pub(crate) mod error;
pub(crate) mod format;
pub(crate) mod grant_type;
pub(crate) mod ids;
pub(crate) mod introspect_request;
pub(crate) mod jose;
pub(crate) mod json;
pub(crate) mod method;
pub(crate) mod origin;
pub(crate) mod params;
pub(crate) mod pkce;
pub(crate) mod redirect_mistake;
pub(crate) mod redirect_uri;
pub(crate) mod revoke_request;
pub(crate) mod scope;
pub(crate) mod scope_input;
pub(crate) mod scope_rules;
pub(crate) mod secret;
pub(crate) mod time;
pub(crate) mod token_request;
pub(crate) mod user_code;
