//! Deserializers for the configuration file: a value is the text that its flag takes, or a number, boolean or list of TOML.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::values::{Address, ByteSize, McpPort, NonNegativeDuration, parse_bool};
use crate::contract::DifferenceOverride;
use crate::hosts::AllowedHost;

/// A type that the configuration file can write as text.
pub(super) trait FileValue: FromStr<Err: fmt::Display> {
    /// What an error says was expected: the kind of value, and an example.
    const EXPECTED: &'static str;

    /// Whether a TOML number is accepted; its digits are parsed as text.
    const TAKES_NUMBERS: bool = false;
}

impl FileValue for Address {
    const EXPECTED: &'static str =
        "text; write an IP address and a port, for example \"127.0.0.1:8080\"";
}

impl FileValue for McpPort {
    const EXPECTED: &'static str =
        "text; write an IP address and a port, for example \"127.0.0.1:9090\", or \"none\"";
}

impl FileValue for AllowedHost {
    const EXPECTED: &'static str = "text; write a list such as [\"host.docker.internal\"]";
}

impl FileValue for ByteSize {
    const EXPECTED: &'static str = "a size; write 128MB, 64MiB or a number of bytes";
    const TAKES_NUMBERS: bool = true;
}

impl FileValue for NonNegativeDuration {
    const EXPECTED: &'static str = "a length of time; write 30s, 5m or a number of seconds";
    const TAKES_NUMBERS: bool = true;
}

impl FileValue for DifferenceOverride {
    const EXPECTED: &'static str = "text; write a list such as [\"scope-shape=live\"]";
}

/// A word of `log`.
impl FileValue for String {
    const EXPECTED: &'static str = "text; write a list such as [\"info\", \"json\"]";
}

struct ValueVisitor<T>(PhantomData<T>);

impl<T: FileValue> Visitor<'_> for ValueVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        if T::TAKES_NUMBERS {
            self.visit_str(&number.to_string())
        } else {
            Err(E::invalid_type(Unexpected::Signed(number), &self))
        }
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        if T::TAKES_NUMBERS {
            self.visit_str(&number.to_string())
        } else {
            Err(E::invalid_type(Unexpected::Float(number), &self))
        }
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: FileValue> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Vec<T>, E> {
        let parts = text.split(',').map(str::trim);
        parts.map(|part| part.parse().map_err(E::custom)).collect()
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

impl<'de, T: FileValue> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer
            .deserialize_any(ValueVisitor(PhantomData))
            .map(Self)
    }
}

/// One address in the configuration file.
pub(super) fn address_in_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Address>, D::Error> {
    deserializer
        .deserialize_any(ValueVisitor(PhantomData))
        .map(Some)
}

/// A list in the configuration file, or one text with values separated by commas.
pub(super) fn list_in_file<'de, D: Deserializer<'de>, T: FileValue>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(ListVisitor(PhantomData))
}

struct BoolVisitor;

impl Visitor<'_> for BoolVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("true or false")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<bool, E> {
        Ok(value)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<bool, E> {
        parse_bool(text).map_err(E::custom)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<bool, E> {
        self.visit_str(&number.to_string())
    }
}

/// A boolean in the configuration file, with the words of [`parse_bool`].
pub(super) fn truth_in_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<bool>, D::Error> {
    deserializer.deserialize_any(BoolVisitor).map(Some)
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor(PhantomData))
    }
}

impl<'de> Deserialize<'de> for NonNegativeDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor(PhantomData))
    }
}
