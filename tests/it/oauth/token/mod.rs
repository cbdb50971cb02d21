//! Tests of `/token`, one file per grant or concern.

mod client_credentials;
mod clients;
mod code;
mod code_later;
mod cors;
mod json_body;
mod public_clients;
mod refresh;
