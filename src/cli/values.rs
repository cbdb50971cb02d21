//! How is the value of an option read? What options there are is `options.rs`.

use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context as _;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

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

/// A number of bytes, such as `128MB`, `64MiB` or `1000000`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteSize(pub(super) usize);

/// The units of sizes, the longest suffix first.
const UNITS: [(&str, u64); 8] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("", 1),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut units = UNITS.iter();
        let parsed = units.find_map(|(unit, bytes)| {
            let number = text.strip_suffix(unit)?.trim_end();
            let number: u64 = number.parse().ok()?;
            usize::try_from(number.checked_mul(*bytes)?).ok()
        });
        parsed.map(Self).ok_or_else(|| {
            format!("{text:?} is not a size: write 128MB, 64MiB or a number of bytes")
        })
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Bytes(u64),
            Text(String),
        }
        let text = match Given::deserialize(deserializer)? {
            Given::Bytes(bytes) => bytes.to_string(),
            Given::Text(text) => text,
        };
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("128MB", 128_000_000),
            ("64MiB", 64 << 20),
            ("2 GB", 2_000_000_000),
            ("1500kB", 1_500_000),
            ("1000000", 1_000_000),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "MB", "1.5MB", "-1", "1TB", "99999999999GB"] {
            assert!(text.parse::<ByteSize>().is_err(), "{text}");
        }
    }
}
