//! Tests of a listening server and of the program, in folders that mirror `src`. Shared helpers are in `support/`.

#![expect(
    clippy::format_push_string,
    reason = "a table of answers grows line by line, and is written to be read"
)]
#![allow(clippy::too_many_lines, reason = "a test is read from top to bottom")]

mod advice;
mod api;
mod architecture;
mod cli;
mod contract;
mod control;
mod mcp;
mod mock_server;
mod oauth;
mod pages;
mod redaction;
mod server;
mod store;
mod support;
