//! The front door: a real listening server, and what it answers. One file per subject; what they share is
//! `support/`.

mod support;

mod authorize_checks;
mod authorize_redirects;
mod authorize_scope;
mod authorize_transport;
mod browser;
mod buzz_limit;
mod consent_memory;
mod device;
mod device_page;
mod device_refusals;
mod device_transport;
mod legacy;
mod mock_users;
mod openid;
mod openid_keys;
mod outsiders_openid;
mod tls;
