//! Durations as people write them: `300ms`, `90s`, `5m`, `1h`, `7d`, several parts (`1h30m`), or a number of seconds.

use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::json;

/// A length of time in milliseconds; negative for the past.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SignedDuration(pub(crate) i64);

/// The units, with their milliseconds, the shortest first.
pub(crate) const UNITS: [(&str, i64); 5] = [
    ("ms", 1),
    ("s", 1000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
];

/// The longest length, and the farthest that a moment given as a number may be from 1970: about 31,700 years. A clock that
/// is moved farther than it can show is refused on its own.
pub(super) const FARTHEST_MS: i64 = 1_000_000_000_000_000;

impl SignedDuration {
    /// The length for the runtime's timers; zero if it is negative.
    pub(crate) fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or_default())
    }

    /// The length of a duration, milliseconds and more.
    pub(crate) fn from_std(duration: std::time::Duration) -> Self {
        Self(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    }

    /// Its length without the sign in its two largest units, as a sentence has it: `1 min 30 s`.
    pub(crate) fn to_words(self) -> String {
        const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
        let mut seconds = (self.0.unsigned_abs() + 500) / 1000;
        if seconds == 0 {
            return format!("{} ms", self.0.unsigned_abs());
        }
        let mut words = Vec::new();
        for (unit, name) in UNITS {
            let count = seconds / unit;
            seconds %= unit;
            if count > 0 {
                words.push(format!("{count} {name}"));
            }
            if words.len() == 2 || (!words.is_empty() && count == 0) {
                break;
            }
        }
        words.join(" ")
    }

    fn from_seconds(seconds: f64) -> Option<Self> {
        #[expect(clippy::cast_precision_loss, reason = "a bound need not be exact")]
        let fits = seconds.is_finite() && (seconds * 1000.0).abs() <= FARTHEST_MS as f64;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "bounded above, and milliseconds are fine"
        )]
        fits.then(|| Self((seconds * 1000.0).round() as i64))
    }
}

impl std::str::FromStr for SignedDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is not a length of time: write 300ms, 90s, 5m, 1h, 7d or a number of seconds"
            )
        };
        let trimmed = text.trim();
        if let Ok(seconds) = trimmed.parse::<f64>() {
            return Self::from_seconds(seconds).ok_or_else(wrong);
        }
        let (sign, mut rest) = match trimmed.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, trimmed),
        };
        if rest.is_empty() {
            return Err(wrong());
        }
        let mut total: i64 = 0;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
            let number: i64 = rest[..digits].parse().map_err(|_| wrong())?;
            rest = &rest[digits..];
            let letters = rest
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            let unit = UNITS
                .iter()
                .find(|(name, _)| *name == &rest[..letters])
                .ok_or_else(wrong)?;
            total = number
                .checked_mul(unit.1)
                .and_then(|part| total.checked_add(part))
                .filter(|sum| *sum <= FARTHEST_MS)
                .ok_or_else(wrong)?;
            rest = &rest[letters..];
        }
        Ok(Self(sign * total))
    }
}

/// In the largest unit that it is a whole number of, as people would write it.
impl std::fmt::Display for SignedDuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whole = |unit: &&(&str, i64)| self.0 != 0 && self.0 % unit.1 == 0;
        let (name, ms) = UNITS.iter().rev().find(whole).unwrap_or(&("s", 1000));
        write!(f, "{}{name}", self.0 / ms)
    }
}

impl Serialize for SignedDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 % 1000 == 0 {
            serializer.serialize_i64(self.0 / 1000)
        } else {
            serializer.serialize_str(&format!("{}ms", self.0))
        }
    }
}

impl<'de> Deserialize<'de> for SignedDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LengthVisitor)
    }
}

/// A lifetime in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Seconds(pub(crate) u32);

impl std::str::FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let length: SignedDuration = text.parse()?;
        let seconds = u32::try_from(length.0 / 1000).ok();
        seconds
            .filter(|_| length.0 >= 0 && length.0 % 1000 == 0)
            .map(Self)
            .ok_or_else(|| {
                format!("{text:?} is not a lifetime: write whole seconds, such as 3600, or 1h")
            })
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecondsVisitor)
    }
}

struct SecondsVisitor;

impl Visitor<'_> for SecondsVisitor {
    type Value = Seconds;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a lifetime; write whole seconds, such as 3600, or \"1h\"")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Seconds, E> {
        let seconds = u32::try_from(number).map(Seconds);
        seconds.map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Seconds, E> {
        let seconds = u32::try_from(number).map(Seconds);
        seconds.map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Seconds, E> {
        match json::whole(&number.into()) {
            Some(whole) => self.visit_u64(whole),
            None => Err(E::invalid_value(Unexpected::Float(number), &self)),
        }
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Seconds, E> {
        text.parse().map_err(E::custom)
    }
}

struct LengthVisitor;

impl Visitor<'_> for LengthVisitor {
    type Value = SignedDuration;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a length of time: \"1h\", \"300ms\" or a number of seconds")
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<SignedDuration, E> {
        SignedDuration::from_seconds(seconds).ok_or_else(|| {
            E::custom(format!(
                "{seconds} s is too long: a clock goes from the year 1 to 9999"
            ))
        })
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "what it cannot hold exactly is out of bounds"
    )]
    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<SignedDuration, E> {
        self.visit_f64(seconds as f64)
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "what it cannot hold exactly is out of bounds"
    )]
    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<SignedDuration, E> {
        self.visit_f64(seconds as f64)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<SignedDuration, E> {
        text.parse().map_err(E::custom)
    }
}

/// A length of time as it was sent, or an object. The errors of an untagged enum would name neither key nor value.
pub(crate) enum LengthOr<T> {
    Length(SignedDuration, Value),
    Object(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for LengthOr<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LengthOrVisitor(PhantomData))
    }
}

/// No object: only a length of time.
pub(crate) enum NoObject {}

impl<'de> Deserialize<'de> for NoObject {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::invalid_type(Unexpected::Map, &LengthVisitor))
    }
}

struct LengthOrVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for LengthOrVisitor<T> {
    type Value = LengthOr<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        LengthVisitor.expecting(f)
    }

    fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<LengthOr<T>, E> {
        let length = LengthVisitor.visit_f64(seconds)?;
        Ok(LengthOr::Length(length, seconds.into()))
    }

    fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<LengthOr<T>, E> {
        let length = LengthVisitor.visit_i64(seconds)?;
        Ok(LengthOr::Length(length, seconds.into()))
    }

    fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<LengthOr<T>, E> {
        let length = LengthVisitor.visit_u64(seconds)?;
        Ok(LengthOr::Length(length, seconds.into()))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<LengthOr<T>, E> {
        Ok(LengthOr::Length(
            text.parse().map_err(E::custom)?,
            text.into(),
        ))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LengthOr<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(LengthOr::Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_as_people_write_them() {
        let read = |text: &str| text.parse::<SignedDuration>().map(|length| length.0);
        assert_eq!(read("300ms"), Ok(300));
        assert_eq!(read("1h30m"), Ok(5_400_000));
        assert_eq!(read("-7d"), Ok(-604_800_000));
        assert_eq!(read("90"), Ok(90_000));
        assert_eq!(read("0.5"), Ok(500));
        for wrong in [
            "",
            "-",
            "h",
            "1",
            "1x",
            "1 h",
            "99999999999999999999s",
            "1e300",
            "NaN",
            "inf",
        ] {
            assert_eq!(read(wrong).is_err(), wrong != "1", "{wrong:?}");
        }
    }

    #[test]
    fn a_lifetime_is_whole_seconds() {
        assert_eq!("1h".parse(), Ok(Seconds(3600)));
        assert_eq!(
            serde_json::from_str::<Seconds>("61.0").unwrap(),
            Seconds(61)
        );
        for wrong in ["-1", "-1ms", "300ms", "4294967296"] {
            let error = wrong.parse::<Seconds>().unwrap_err();
            assert!(error.contains("is not a lifetime"), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn printed_length_can_be_read(ms in -FARTHEST_MS..=FARTHEST_MS) {
            let length = SignedDuration(ms);
            let json = serde_json::to_string(&length).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<SignedDuration>(&json).unwrap(), length, "{}", json);
            proptest::prop_assert_eq!(format!("{ms}ms").parse(), Ok(length));
            proptest::prop_assert_eq!(length.to_string().parse(), Ok(length));
        }
    }
}
