//! Parsers for the values of options, on the command line and in variables. `file_values.rs` reads them from the
//! configuration file; the options are in `options.rs`.

use std::fmt;
use std::io::Read as _;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context as _;
use serde::Deserialize;
use url::Url;

use crate::protocol::duration::SignedDuration;
use crate::store::{Database, StoreError};

/// An address to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Address(pub(super) SocketAddr);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.trim().parse() {
            return Ok(Self(address));
        }
        Err(match text.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => {
                format!(
                    "{text:?} has no IP address: write one before the port, for example 127.0.0.1:{port} or [::1]:{port}"
                )
            }
            _ => {
                format!(
                    "{text:?} is not an address: write an IP address and a port, for example 127.0.0.1:8080"
                )
            }
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The URL of a server that a command calls: plain HTTP, since the certificates of HTTPS are for apps.
#[derive(Debug, Clone)]
pub(super) struct ServerUrl(pub(super) Url);

impl ServerUrl {
    pub(super) fn new(address: SocketAddr) -> Self {
        let url = format!("http://{address}").parse();
        Self(url.expect("an address is the host and port of a URL"))
    }
}

impl FromStr for ServerUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let example = "write http://HOST:PORT, for example http://127.0.0.1:8080";
        let url: Url = text
            .trim()
            .parse()
            .map_err(|error| format!("{text:?} is not a URL ({error}): {example}"))?;
        if url.scheme() != "http" {
            return Err(format!("{text:?} is not an http:// URL: {example}"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(format!(
                "{text:?} has a user or password, which are not used: remove them, and set --control-token if the server requires it"
            ));
        }
        Ok(Self(url))
    }
}

/// The database of `--database`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct DatabaseOption(pub(super) Database);

impl FromStr for DatabaseOption {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        text.parse().map(Self)
    }
}

impl TryFrom<String> for DatabaseOption {
    type Error = StoreError;

    fn try_from(text: String) -> Result<Self, StoreError> {
        text.parse()
    }
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
        let text = text.trim();
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

/// How long to wait for something: a length of time that is not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NonNegativeDuration(pub(super) SignedDuration);

impl FromStr for NonNegativeDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let length: SignedDuration = text.parse()?;
        if length.0 < 0 {
            return Err(format!("{text:?} is negative: write a length such as 30s"));
        }
        Ok(Self(length))
    }
}

/// An address for MCP alone, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum McpPort {
    None,
    At(Address),
}

impl FromStr for McpPort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim() == "none" {
            return Ok(Self::None);
        }
        let address = text.parse().map(Self::At);
        address.map_err(|error: String| format!("{error}, or \"none\""))
    }
}

/// `true` or `false`, and the other words for them.
pub(super) fn parse_bool(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Ok(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Ok(false),
        _ => Err(format!("{text:?} is not true or false")),
    }
}

/// A whole number that is not negative.
pub(super) fn number<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let digits = text.trim();
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return Err(format!("{text:?} is not a whole number, 0 or more"));
    }
    let number = digits
        .parse::<u64>()
        .ok()
        .and_then(|number| T::try_from(number).ok());
    number.ok_or_else(|| {
        let most = u64::MAX >> (u64::BITS as usize - 8 * size_of::<T>());
        format!("{text:?} is too large: write at most {most}")
    })
}

/// Reads a text file. `name` is the option or variable that names it.
pub(super) fn read(file: &Path, name: &str) -> anyhow::Result<String> {
    let shown = format!("{name}: {}", file.display());
    let opened = std::fs::File::open(file).with_context(|| shown.clone())?;
    read_bounded(opened, &shown)
}

/// The most bytes of a seed, configuration or key.
const MAX_INPUT_BYTES: u64 = 16 * 1024 * 1024;

/// Reads standard input to its end.
pub(super) fn read_standard_input(name: &str) -> anyhow::Result<String> {
    read_bounded(std::io::stdin().lock(), &format!("{name}: standard input"))
}

fn read_bounded(input: impl std::io::Read, shown: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let size = input
        .take(MAX_INPUT_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| shown.to_owned())?;
    anyhow::ensure!(
        size as u64 <= MAX_INPUT_BYTES,
        "{shown} has more than {MAX_INPUT_BYTES} bytes"
    );
    Ok(text)
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

    #[test]
    fn values_are_read_with_spaces_and_errors_give_an_example() {
        assert_eq!(parse_bool(" On "), Ok(true));
        assert_eq!(number::<u32>(" 7 "), Ok(7));
        assert!("none".parse::<McpPort>() == Ok(McpPort::None));
        insta::assert_snapshot!(parse_bool("maybe").unwrap_err(), @r#""maybe" is not true or false"#);
        insta::assert_snapshot!(number::<u32>("-1").unwrap_err(), @r#""-1" is not a whole number, 0 or more"#);
        insta::assert_snapshot!(number::<u32>("4294967296").unwrap_err(), @r#""4294967296" is too large: write at most 4294967295"#);
        insta::assert_snapshot!(number::<u64>("18446744073709551616").unwrap_err(), @r#""18446744073709551616" is too large: write at most 18446744073709551615"#);
        insta::assert_snapshot!("8080".parse::<Address>().unwrap_err(), @r#""8080" is not an address: write an IP address and a port, for example 127.0.0.1:8080"#);
        insta::assert_snapshot!("localhost:8081".parse::<McpPort>().unwrap_err(), @r#""localhost:8081" has no IP address: write one before the port, for example 127.0.0.1:8081 or [::1]:8081, or "none""#);
        let server = |text: &str| text.parse::<ServerUrl>().unwrap_err();
        insta::assert_snapshot!(server("127.0.0.1:8080"), @r#""127.0.0.1:8080" is not a URL (relative URL without a base): write http://HOST:PORT, for example http://127.0.0.1:8080"#);
        insta::assert_snapshot!(server("https://mock.test"), @r#""https://mock.test" is not an http:// URL: write http://HOST:PORT, for example http://127.0.0.1:8080"#);
        insta::assert_snapshot!("-1s".parse::<NonNegativeDuration>().unwrap_err(), @r#""-1s" is negative: write a length such as 30s"#);
    }
}
