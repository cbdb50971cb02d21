//! How is the value of an option read? What options there are is `options.rs`.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use serde::Deserialize;

use crate::protocol::duration::Length;
use crate::store::{Database, StoreError};

/// Where MCP has a port of its own, if anywhere.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum McpPort {
    None,
    At(SocketAddr),
}

impl TryFrom<String> for McpPort {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        mcp_listen(&text)
    }
}

pub(super) fn mcp_listen(text: &str) -> Result<McpPort, String> {
    if text == "none" {
        return Ok(McpPort::None);
    }
    let place = address(text).map(McpPort::At);
    place.map_err(|why| format!("{why}, or \"none\""))
}

/// Where the data is stored.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct DatabaseOption(pub(super) Database);

impl TryFrom<String> for DatabaseOption {
    type Error = StoreError;

    fn try_from(text: String) -> Result<Self, StoreError> {
        database(&text)
    }
}

pub(super) fn database(text: &str) -> Result<DatabaseOption, StoreError> {
    text.parse().map(DatabaseOption)
}

/// An address to listen on.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| match text.rsplit_once(':') {
        Some((_, port)) if port.parse::<u16>().is_ok() => {
            format!(
                "write an IP address before the port, for example 127.0.0.1:{port} or [::1]:{port}"
            )
        }
        _ => "write an IP address and a port, for example 127.0.0.1:8080".to_owned(),
    })
}

/// A life in seconds; `1h` will do too.
pub(super) fn seconds(text: &str) -> Result<u32, String> {
    let length: Length = text.parse()?;
    u32::try_from(length.0.div_euclid(1000))
        .map_err(|_| format!("{text:?} is not a life: write seconds, such as 3600, or 1h"))
}

pub(super) fn read(file: &Path, flag: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("{flag} {}", file.display()))
}
