//! What is a moment? Unix milliseconds, as rows keep them. Where the present comes from is
//! `sandbox/clock.rs`.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A moment, in milliseconds since 1970.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type,
)]
#[serde(transparent)]
#[sqlx(transparent)]
pub(crate) struct Timestamp(pub(crate) i64);

impl Timestamp {
    /// This moment, so many seconds later. Saturates: the end of time is late enough.
    #[must_use]
    pub(crate) fn plus_seconds(self, seconds: u32) -> Self {
        Self(self.0.saturating_add(i64::from(seconds) * 1000))
    }

    /// Whole seconds since 1970, as JWTs count (RFC 7519 §2).
    pub(crate) fn unix_seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }
}

/// A moment as people write it: RFC 3339 text, or Unix seconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(pub(crate) Timestamp);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |value: &dyn fmt::Display| {
            D::Error::custom(format!(
                "{value} is not a moment: write \"2026-01-31T12:00:00Z\" or Unix seconds"
            ))
        };
        match serde_json::Value::deserialize(deserializer)? {
            serde_json::Value::String(text) => {
                let format = &time::format_description::well_known::Rfc3339;
                let moment = time::OffsetDateTime::parse(&text, format)
                    .map_err(|_| wrong(&format_args!("{text:?}")))?;
                let ms = moment.unix_timestamp_nanos().div_euclid(1_000_000);
                i64::try_from(ms)
                    .map(|ms| Self(Timestamp(ms)))
                    .map_err(|_| wrong(&text))
            }
            other => {
                let seconds = other.as_i64().and_then(|seconds| seconds.checked_mul(1000));
                let ms = seconds.filter(|ms| (-FARTHEST_MS..FARTHEST_MS).contains(ms));
                ms.map(|ms| Self(Timestamp(ms)))
                    .ok_or_else(|| wrong(&other))
            }
        }
    }
}

/// The year 33658: beyond it, RFC 3339 has no words.
const FARTHEST_MS: i64 = 1_000_000_000_000_000;

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC; a moment that RFC 3339 cannot write is given as its number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment =
            time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(self.0) * 1_000_000);
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
