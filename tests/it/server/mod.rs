//! Tests of the server: HTTP, TLS, limits, host names.

mod allowed_hosts;
mod bad_input;
mod body_memory;
mod health;
mod http2_limits;
pub(crate) mod http_protocol;
mod legacy_host;
mod origins;
mod request_smuggling;
mod slow_clients;
mod targets;
mod tls;
mod unread_bodies;
