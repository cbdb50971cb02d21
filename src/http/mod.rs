//! HTTP code that all endpoints share: server state, connection, request, body, session, access guards, responses.

pub(crate) mod access_guard;
pub(crate) mod base_url;
pub(crate) mod body;
pub(crate) mod body_error;
pub(crate) mod connection;
pub(crate) mod context;
pub(crate) mod control_token;
pub(crate) mod cors;
pub(crate) mod long_steps;
pub(crate) mod request;
pub(crate) mod respond;
pub(crate) mod root_service;
pub(crate) mod session;
pub(crate) mod state;
