//! [`Timestamp`], the one type for times. `sandbox/clock.rs` has the current time.

use std::fmt;
use std::ops::Add;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::protocol::duration::FARTHEST_MS;

/// A time, to the millisecond. The control API writes it as RFC 3339 text such as `2026-01-31T12:00:00Z`, and also reads Unix
/// seconds; rows store Unix milliseconds.
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use civitai_oauth_mock::control::Timestamp;
///
/// let noon: Timestamp = "2026-01-31T12:00:00Z".parse()?;
/// assert_eq!(noon, Timestamp::from_unix_seconds(1_769_860_800));
/// assert_eq!(noon.to_string(), "2026-01-31T12:00:00Z");
/// assert_eq!(noon + Duration::from_secs(60), Timestamp::from_unix_seconds(1_769_860_860));
/// assert_eq!(noon, SystemTime::UNIX_EPOCH + Duration::from_secs(1_769_860_800));
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
#[sqlx(transparent)]
pub struct Timestamp(pub(crate) i64);

impl Timestamp {
    /// Seconds since 1970 began; negative before.
    pub fn from_unix_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since 1970 began.
    pub fn from_unix_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970 began.
    pub fn unix_millis(self) -> i64 {
        self.0
    }

    /// This many seconds later. Saturates.
    #[must_use]
    pub(crate) fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(i64::from(seconds) * 1000))
    }

    /// Whole seconds from `then` until this time; negative if this time is earlier.
    pub(crate) fn seconds_from(self, then: Self) -> i64 {
        self.0.saturating_sub(then.0).div_euclid(1000)
    }

    /// Whole seconds since 1970, as JWTs count (RFC 7519 §2).
    pub(crate) fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    fn checked_from_unix_seconds(seconds: i64) -> Option<Self> {
        let ms = seconds.checked_mul(1000)?;
        let is_near = (-FARTHEST_MS..FARTHEST_MS).contains(&ms);
        is_near.then_some(Self(ms))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates.
    fn add(self, length: Duration) -> Self {
        let millis = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let millis = |length: Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(since) => millis(since),
            Err(before) => -millis(before.duration()),
        })
    }
}

impl PartialEq<SystemTime> for Timestamp {
    fn eq(&self, other: &SystemTime) -> bool {
        *self == Self::from(*other)
    }
}

impl FromStr for Timestamp {
    type Err = String;

    /// Reads RFC 3339, or a number of Unix seconds.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(seconds) = text.parse() {
            let moment = Self::checked_from_unix_seconds(seconds);
            return moment.ok_or_else(|| no_moment(&format_args!("{text:?}")));
        }
        let format = &time::format_description::well_known::Rfc3339;
        let moment = time::OffsetDateTime::parse(text, format).ok();
        let ms = moment.map(|moment| moment.unix_timestamp_nanos().div_euclid(1_000_000));
        ms.and_then(|ms| i64::try_from(ms).ok())
            .map(Self)
            .ok_or_else(|| no_moment(&format_args!("{text:?}")))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => text.parse().map_err(D::Error::custom),
            other => other
                .as_i64()
                .and_then(Self::checked_from_unix_seconds)
                .ok_or_else(|| D::Error::custom(no_moment(&other))),
        }
    }
}

fn no_moment(value: &dyn fmt::Display) -> String {
    format!("{value} is not a moment: write \"2026-01-31T12:00:00Z\" or Unix seconds")
}

/// The serde form of stored JSON: Unix milliseconds.
pub(crate) mod unix_millis {
    use super::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
    pub(crate) fn serialize<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(time.0)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
        i64::deserialize(from).map(Timestamp)
    }
}

/// The first and the last time that RFC 3339 can write: the years 0 to 9999.
const FIRST_WRITTEN_MS: i64 = -62_167_219_200_000;
pub(crate) const LAST_WRITTEN_MS: i64 = 253_402_300_799_999;

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC. Before the year 0 and after 9999, which RFC 3339 cannot write, the first or the last time that it can.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.clamp(FIRST_WRITTEN_MS, LAST_WRITTEN_MS);
        let moment = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
        let text = moment.ok().and_then(|moment| {
            moment
                .format(&time::format_description::well_known::Rfc3339)
                .ok()
        });
        match text {
            Some(text) => f.write_str(&text),
            None => write!(f, "{} ms", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRITTEN: std::ops::RangeInclusive<i64> = FIRST_WRITTEN_MS..=LAST_WRITTEN_MS;

    #[test]
    fn times_that_rfc_3339_cannot_write_are_clamped() {
        let written = |ms| Timestamp(ms).to_string();
        assert_eq!(written(i64::MAX), "9999-12-31T23:59:59.999Z");
        assert_eq!(written(i64::MIN), "0000-01-01T00:00:00Z");
        assert_eq!(Timestamp(i64::MAX).plus_seconds(1), Timestamp(i64::MAX));
        assert!(Timestamp(i64::MIN).seconds_from(Timestamp(i64::MAX)) < 0);
    }

    proptest::proptest! {
        #[test]
        fn printed_time_can_be_read(ms in WRITTEN) {
            let moment = Timestamp::from_unix_millis(ms);
            proptest::prop_assert_eq!(moment.to_string().parse(), Ok(moment));
            let json = serde_json::to_string(&moment).unwrap();
            proptest::prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), moment);
        }

        #[test]
        fn time_may_be_written_in_seconds(seconds in -1_000_000_000_000_i64..1_000_000_000_000) {
            let moment = serde_json::from_str::<Timestamp>(&seconds.to_string()).unwrap();
            proptest::prop_assert_eq!(moment, Timestamp::from_unix_seconds(seconds));
        }
    }
}
