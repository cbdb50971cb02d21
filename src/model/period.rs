//! The start of a budget's period: windows of a fixed length, calendar months and cron expressions (`cron.rs`), in UTC.

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, PrimitiveDateTime};

use crate::model::cron::Schedule;
use crate::protocol::time::Timestamp;

/// The length that a sliding budget counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Window {
    /// 1 s.
    Second,
    /// 60 s.
    Minute,
    /// 60 minutes.
    Hour,
    /// 24 hours.
    Day,
    /// 7 days.
    Week,
    /// A month of the calendar.
    Month,
}

/// A start before every spend.
const BEFORE_ALL_SPENDS: Timestamp = Timestamp(i64::MIN);

/// The start of the last `unit` windows.
///
/// The start is the same day of an earlier month, or that month's last day if it has no such day: a
/// month before 31 March is 28 February, or 29 February in a leap year.
pub(crate) fn window_start(now: Timestamp, window: Window, unit: u64) -> Timestamp {
    let seconds: u64 = match window {
        Window::Second => 1,
        Window::Minute => 60,
        Window::Hour => 60 * 60,
        Window::Day => 24 * 60 * 60,
        Window::Week => 7 * 24 * 60 * 60,
        Window::Month => return months_before(now, unit).unwrap_or(BEFORE_ALL_SPENDS),
    };
    let length = i64::try_from(unit.saturating_mul(seconds).saturating_mul(1000));
    Timestamp(now.0.saturating_sub(length.unwrap_or(i64::MAX)))
}

/// None if the calendar does not go back so far.
fn months_before(now: Timestamp, months: u64) -> Option<Timestamp> {
    let today = moment(now)?;
    let month = i64::from(today.year()) * 12 + i64::from(u8::from(today.month())) - 1;
    let month = month.checked_sub(i64::try_from(months).ok()?)?;
    let year = i32::try_from(month.div_euclid(12)).ok()?;
    let month = Month::try_from(u8::try_from(month.rem_euclid(12) + 1).ok()?).ok()?;
    let day = today.day().min(month.length(year));
    let then = today.replace_date(Date::from_calendar_date(year, month, day).ok()?);
    i64::try_from(then.unix_timestamp_nanos().div_euclid(1_000_000))
        .ok()
        .map(Timestamp)
}

/// When the expression last fired, now included. An expression that never fired, or cannot be parsed, is in its first period:
/// its budget is not reset.
pub(crate) fn last_tick(cron: &str, now: Timestamp) -> Timestamp {
    let tick = || {
        let now = moment(now)?;
        let whole_second = now.replace_nanosecond(0).ok()?;
        let whole_second = PrimitiveDateTime::new(whole_second.date(), whole_second.time());
        let tick = Schedule::read(cron)?.last_tick(whole_second)?;
        Some(Timestamp(
            tick.assume_utc().unix_timestamp().checked_mul(1000)?,
        ))
    };
    tick().unwrap_or(BEFORE_ALL_SPENDS)
}

/// Whether it can be parsed. One that never fires, such as `0 0 30 2 *`, can be, too.
pub(crate) fn is_cron_expression(cron: &str) -> bool {
    Schedule::read(cron).is_some()
}

/// The hint of errors about cron expressions.
pub(crate) const CRON_HINT: &str = "write five fields, such as \"0 0 1 * *\" for the first day of each month, \
     six with the seconds first, or a name such as @daily";

fn moment(at: Timestamp) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1_000_000).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::json::MAX_SAFE_INTEGER;
    use crate::protocol::time::Timestamp;

    fn at(text: &str) -> Timestamp {
        text.parse::<Timestamp>().unwrap()
    }

    #[test]
    fn months_end_where_the_calendar_lets_them() {
        let back = |now, months| window_start(at(now), Window::Month, months).to_string();
        assert_eq!(back("2026-03-31T12:00:00Z", 1), "2026-02-28T12:00:00Z");
        assert_eq!(back("2024-03-31T12:00:00Z", 1), "2024-02-29T12:00:00Z");
        assert_eq!(back("2026-01-15T00:00:00.5Z", 2), "2025-11-15T00:00:00.5Z");
        assert_eq!(back("2026-12-31T23:59:59Z", 30), "2024-06-30T23:59:59Z");
    }

    #[test]
    fn a_window_that_is_longer_than_the_calendar_holds_everything() {
        let now = at("2026-03-31T12:00:00Z");
        for window in [Window::Second, Window::Week, Window::Month] {
            let start = window_start(now, window, MAX_SAFE_INTEGER);
            assert!(start < at("0001-01-01T00:00:00Z"), "{window:?}");
        }
        let day = window_start(now, Window::Day, 1);
        assert_eq!(day.to_string(), "2026-03-30T12:00:00Z");
    }

    #[test]
    fn a_tick_counts_from_its_own_second_on() {
        let last = |cron, now| last_tick(cron, at(now)).to_string();
        let monthly = "0 0 1 * *";
        assert_eq!(
            last(monthly, "2026-03-31T12:00:00Z"),
            "2026-03-01T00:00:00Z"
        );
        assert_eq!(
            last(monthly, "2026-04-01T00:00:00Z"),
            "2026-04-01T00:00:00Z"
        );
        assert_eq!(
            last(monthly, "2026-03-31T23:59:59.999Z"),
            "2026-03-01T00:00:00Z"
        );
        assert_eq!(
            last("@daily", "2026-03-01T00:30:00Z"),
            "2026-03-01T00:00:00Z"
        );
        assert_eq!(
            last("30 * * * * *", "2026-03-01T00:00:10Z"),
            "2026-02-28T23:59:30Z"
        );
        assert_eq!(
            last("0 0 L * *", "2026-03-15T00:00:00Z"),
            "2026-02-28T00:00:00Z"
        );
        assert_eq!(
            last("0 0 13 * FRI", "2026-11-24T00:00:00Z"),
            "2026-11-13T00:00:00Z"
        );
    }

    proptest::proptest! {
        /// Whatever a user's form holds: nothing is read as a tick to come.
        #[test]
        fn no_text_is_a_tick_ahead(
            cron in "[-0-9*/,?LW#@A-Z ]{0,24}",
            fields in "([0-9*]{1,2}(/[0-9]{1,2}|-[0-9]{1,2})? ){4,6}[0-9*LA-Z#]{1,5}",
            hours in 0..200_000_i64,
        ) {
            let now = Timestamp(hours * 3_600_000 + 1234);
            for cron in [cron, fields] {
                proptest::prop_assert!(last_tick(&cron, now) <= now, "{}", cron);
            }
        }
    }

    #[test]
    fn schedule_that_never_fires_has_no_period_start() {
        let now = at("2026-03-31T12:00:00Z");
        for cron in ["soon", "0 0 30 2 *", "61 * * * *", " ", "* * * * * * * *"] {
            assert_eq!(last_tick(cron, now), BEFORE_ALL_SPENDS, "{cron:?}");
        }
    }
}
