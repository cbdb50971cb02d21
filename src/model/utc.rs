//! UTC as the time zone of the cron library: every wall-clock time occurs once.

use std::cmp::Ordering;

use croner::errors::CronError;
use croner::{CivilDate, CivilDateTime, CivilTime, CronDateTime, Resolution, Weekday};
use time::{Date, Duration, Month, PrimitiveDateTime, Time};

/// A moment, to the second.
#[derive(Debug, Clone)]
pub(super) struct Utc(pub(super) PrimitiveDateTime);

impl CronDateTime for Utc {
    fn to_civil(&self) -> CivilDateTime {
        let (date, time) = (self.0.date(), self.0.time());
        let month = u32::from(u8::from(date.month()));
        CivilDateTime::new(
            CivilDate::from_parts_unchecked(date.year(), month, date.day().into()),
            CivilTime::from_parts_unchecked(
                time.hour().into(),
                time.minute().into(),
                time.second().into(),
            ),
        )
    }

    fn civil_weekday(&self) -> Weekday {
        Weekday::from_days_from_sunday(self.0.weekday().number_days_from_sunday().into())
    }

    fn resolve_civil(&self, civil: CivilDateTime) -> Result<Resolution<Self>, CronError> {
        let part = |number: u32| u8::try_from(number).ok();
        let moment = || {
            let month = Month::try_from(part(civil.month())?).ok()?;
            let date = Date::from_calendar_date(civil.year(), month, part(civil.day())?).ok()?;
            let (hour, minute) = (part(civil.hour())?, part(civil.minute())?);
            let time = Time::from_hms(hour, minute, part(civil.second())?).ok()?;
            Some(Self(PrimitiveDateTime::new(date, time)))
        };
        moment()
            .map(Resolution::Single)
            .ok_or(CronError::InvalidDate)
    }

    fn checked_add_seconds(&self, seconds: i64) -> Option<Self> {
        self.0.checked_add(Duration::seconds(seconds)).map(Self)
    }

    fn cmp_instant(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
