//! Tests of `/mcp`.

mod access_guard;
mod http2;
mod messages;
mod port;
mod tools;
