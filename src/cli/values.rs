//! Parsers for the values of options, on the command line, in variables and in the configuration file. The options are
//! in `options.rs`.

use std::fmt;
use std::io::Read as _;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::path::Path;
use std::str::FromStr;

use anyhow::Context as _;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::contract::Override;
use crate::protocol::duration::Length;
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
                    "write an IP address before the port, for example 127.0.0.1:{port} or [::1]:{port}"
                )
            }
            _ => "write an IP address and a port, for example 127.0.0.1:8080".to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where the data is stored.
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
        text.parse().map_err(de::Error::custom)
    }
}

/// Where MCP has a port of its own, if anywhere.
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

/// A lifetime in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(pub(super) u32);

impl FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let length: Length = text.parse()?;
        let seconds = u32::try_from(length.0.div_euclid(1000));
        seconds
            .map(Self)
            .map_err(|_| format!("{text:?} is not a lifetime: write seconds, such as 3600, or 1h"))
    }
}

/// `true` or `false`, and the other words for them.
pub(super) fn truth(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "y" | "yes" | "t" | "true" | "on" | "1" => Ok(true),
        "n" | "no" | "f" | "false" | "off" | "0" => Ok(false),
        _ => Err("write true or false".to_owned()),
    }
}

/// A whole number that is not negative.
pub(super) fn number<T: TryFrom<u64>>(text: &str) -> Result<T, String> {
    let number = text.trim().parse::<u64>();
    let number = number.map_err(|_| "write a whole number, for example 100".to_owned())?;
    T::try_from(number).map_err(|_| "the number is too large".to_owned())
}

/// A value of the configuration file that is written as text.
pub(super) trait InFile: Sized {
    /// The kind of value, and an example.
    const EXPECTED: &'static str;

    fn read(text: &str) -> Result<Self, String>;
}

impl InFile for Address {
    const EXPECTED: &'static str =
        "text; write an IP address and a port, for example \"127.0.0.1:8080\"";

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl InFile for McpPort {
    const EXPECTED: &'static str =
        "text; write an IP address and a port, for example \"127.0.0.1:9090\", or \"none\"";

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

impl InFile for Override {
    const EXPECTED: &'static str = "text; write a list such as [\"scope-shape=live\"]";

    fn read(text: &str) -> Result<Self, String> {
        text.parse()
    }
}

/// A word of `log`.
impl InFile for String {
    const EXPECTED: &'static str = "text; write a list such as [\"info\", \"json\"]";

    fn read(text: &str) -> Result<Self, String> {
        Ok(text.to_owned())
    }
}

struct One<T>(PhantomData<T>);

impl<T: InFile> Visitor<'_> for One<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::read(text).map_err(E::custom)
    }
}

struct Many<T>(PhantomData<T>);

impl<'de, T: InFile> Visitor<'de> for Many<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
        let parts = text.split(',').map(str::trim);
        parts.map(|part| T::read(part).map_err(E::custom)).collect()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
        let mut values = Vec::new();
        while let Some(Item(value)) = list.next_element()? {
            values.push(value);
        }
        Ok(values)
    }
}

/// An item of a list. It is parsed as an element, so that an error names its place in the list.
struct Item<T>(T);

impl<'de, T: InFile> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(One(PhantomData)).map(Self)
    }
}

/// One address in the configuration file.
pub(super) fn address_in_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Address>, D::Error> {
    deserializer.deserialize_any(One(PhantomData)).map(Some)
}

/// A list in the configuration file, or one text with commas.
pub(super) fn list_in_file<'de, D: Deserializer<'de>, T: InFile>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(Many(PhantomData))
}

struct Lifetime;

impl Visitor<'_> for Lifetime {
    type Value = Seconds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a lifetime; write seconds, such as 3600, or \"1h\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Seconds, E> {
        let seconds = u32::try_from(number).map(Seconds);
        seconds.map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }
}

/// A lifetime in the configuration file.
pub(super) fn seconds_in_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Seconds>, D::Error> {
    deserializer.deserialize_any(Lifetime).map(Some)
}

pub(super) fn read(file: &Path, name: &str) -> anyhow::Result<String> {
    let shown = format!("{name}: {}", file.display());
    let opened = std::fs::File::open(file).with_context(|| shown.clone())?;
    read_bounded(opened, &shown)
}

/// More than any seed, configuration or key needs, in bytes.
const LARGEST_INPUT: u64 = 16 * 1024 * 1024;

/// Standard input to its end.
pub(super) fn read_standard_input(name: &str) -> anyhow::Result<String> {
    read_bounded(std::io::stdin().lock(), &format!("{name}: standard input"))
}

fn read_bounded(input: impl std::io::Read, shown: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    let size = input
        .take(LARGEST_INPUT + 1)
        .read_to_string(&mut text)
        .with_context(|| shown.to_owned())?;
    anyhow::ensure!(
        size as u64 <= LARGEST_INPUT,
        "{shown} has more than {LARGEST_INPUT} bytes"
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
        assert_eq!(truth(" On "), Ok(true));
        assert_eq!(number::<u32>(" 7 "), Ok(7));
        assert!("none".parse::<McpPort>() == Ok(McpPort::None));
        insta::assert_snapshot!(truth("maybe").unwrap_err(), @"write true or false");
        insta::assert_snapshot!(number::<u32>("-1").unwrap_err(), @"write a whole number, for example 100");
        insta::assert_snapshot!(number::<u32>("4294967296").unwrap_err(), @"the number is too large");
        insta::assert_snapshot!("8080".parse::<Address>().unwrap_err(), @"write an IP address and a port, for example 127.0.0.1:8080");
        insta::assert_snapshot!("localhost:8081".parse::<McpPort>().unwrap_err(), @r#"write an IP address before the port, for example 127.0.0.1:8081 or [::1]:8081, or "none""#);
        insta::assert_snapshot!("-1".parse::<Seconds>().unwrap_err(), @r#""-1" is not a lifetime: write seconds, such as 3600, or 1h"#);
    }
}
