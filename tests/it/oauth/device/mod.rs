//! Tests of the device flow (RFC 8628).

mod flow;
mod refusals;
mod transport;
