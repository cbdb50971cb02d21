//! What every endpoint shares: the state of the server, the connection, the request, responses, sessions, guards.

pub(crate) mod access_guard;
pub(crate) mod base_url;
pub(crate) mod context;
pub(crate) mod request;
pub(crate) mod respond;
pub(crate) mod session;
