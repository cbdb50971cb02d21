//! Tests of the OAuth endpoints, and of OpenID Connect.

mod authorize;
mod buzz_limit;
mod client_ids;
mod concurrency;
mod device;
mod introspect;
mod mock_user;
mod openid;
mod openid_keys;
mod properties;
mod rate_limits;
mod redirect_uri_registration;
mod remembered_consent;
mod revoke;
mod third_party_clients;
mod third_party_openid;
mod token;
mod userinfo;
