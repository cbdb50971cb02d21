//! Cron expressions as Cronos reads them, in UTC. Civitai's budgets use Cronos.
//!
//! Syntax that the library does not support, or interprets differently, is translated first.

use croner::parser::CronParser;
use croner::{Cron, CronDateTime as _};
use time::{Date, PrimitiveDateTime, Time};

use crate::model::utc::Utc;

/// Cronos's names for whole expressions.
const MACROS: [(&str, &str); 9] = [
    ("@EVERY_SECOND", "* * * * * *"),
    ("@EVERY_MINUTE", "* * * * *"),
    ("@HOURLY", "0 * * * *"),
    ("@DAILY", "0 0 * * *"),
    ("@MIDNIGHT", "0 0 * * *"),
    ("@WEEKLY", "0 0 * * 0"),
    ("@MONTHLY", "0 0 1 * *"),
    ("@YEARLY", "0 0 1 1 *"),
    ("@ANNUALLY", "0 0 1 1 *"),
];

/// A schedule that fires at all fires within this time. The days on which it fires depend on the length of the year and on
/// its first day of the week, and each combination of the two recurs within 40 years (a leap year that begins on a Thursday:
/// 1880 and 1920). The last 12 months are those of the current year.
const CYCLE_MONTHS: u32 = (40 + 1) * 12;

/// The last moment of a day.
const LAST_SECOND: Time = match Time::from_hms(23, 59, 59) {
    Ok(time) => time,
    Err(_) => Time::MIDNIGHT,
};

/// One of the six fields.
struct Field {
    first: u32,
    last: u32,
    /// Number of values before they repeat: Sunday is both 0 and 7.
    round: u32,
    /// The names of the values, from the first on.
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] = [
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const DAY_OF_MONTH: usize = 3;
const FIELDS: [Field; 6] = [
    Field::numbers(0, 59),
    Field::numbers(0, 59),
    Field::numbers(0, 23),
    Field::numbers(1, 31),
    Field {
        names: &MONTHS,
        ..Field::numbers(1, 12)
    },
    Field {
        round: 7,
        names: &DAYS,
        ..Field::numbers(0, 7)
    },
];

impl Field {
    const fn numbers(first: u32, last: u32) -> Self {
        Self {
            first,
            last,
            round: last - first + 1,
            names: &[],
        }
    }

    fn value(&self, text: &str) -> Option<u32> {
        let named = self.names.iter().position(|name| *name == text);
        let value = match named {
            Some(at) => self.first + u32::try_from(at).ok()?,
            None => number(text)?,
        };
        (self.first..=self.last).contains(&value).then_some(value)
    }

    /// The field in the library's words: ranges that run over the end, and steps from a value on, as the values that
    /// they come to. Each value is written once: a long list of ranges would take milliseconds to parse.
    fn translated(&self, field: &str) -> Option<String> {
        let (mut texts, mut values) = (Vec::new(), 0_u64);
        for item in field.split(',') {
            match self.values(item)? {
                Values::Bits(bits) => values |= bits,
                Values::Text(text) => texts.push(text.to_owned()),
            }
        }
        let values = (0..=self.last).filter(|value| values >> value & 1 == 1);
        texts.extend(values.map(|value| value.to_string()));
        Some(texts.join(","))
    }

    fn values<'a>(&self, item: &'a str) -> Option<Values<'a>> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => {
                let step = number(step).filter(|step| (1..=self.last).contains(step));
                (range, Some(step?))
            }
            None => (item, None),
        };
        let (from, to) = match (range.split_once('-'), step) {
            (Some((from, to)), _) => (self.value(from)?, self.value(to)?),
            (None, Some(_)) if range == "*" => (self.first, self.last),
            (None, Some(_)) => (self.value(range)?, self.last),
            (None, None) => match self.value(item) {
                Some(value) => (value, value),
                None => return (!item.is_empty()).then_some(Values::Text(item)),
            },
        };
        let length = if from <= to {
            to - from
        } else {
            (to + self.round - from % self.round) % self.round
        };
        let ahead = (0..=length).step_by(usize::try_from(step.unwrap_or(1)).ok()?);
        let bits = ahead.fold(0, |bits, ahead| {
            let value = from + ahead;
            let is_over = value > self.last || (from > to && value - self.first >= self.round);
            bits | 1 << (if is_over { value - self.round } else { value })
        });
        Some(Values::Bits(bits))
    }
}

/// The values of one item of a field.
enum Values<'a> {
    /// One bit for each value.
    Bits(u64),
    /// Syntax of the library.
    Text(&'a str),
}

/// Digits alone: no sign.
fn number(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

/// An expression that was read.
#[derive(Debug)]
pub(super) struct Schedule {
    cron: Cron,
    /// `L-n`: n days before the last of the month, whatever day that is.
    before_last: Option<u8>,
}

impl Schedule {
    /// Reads five fields, or six with the seconds first; both the day of the month and the day of the week must match. None if
    /// it is no cron expression.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        // In the library, `+` requires both days to match, as every expression does here.
        if text.contains('+') {
            return None;
        }
        let whole = MACROS.iter().find(|(name, _)| *name == text);
        let text = whole.map_or(text.as_str(), |(_, fields)| fields);
        let mut fields: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        // Cronos knows no years.
        let kinds = match fields.len() {
            5 => &FIELDS[1..],
            6 => &FIELDS[..],
            _ => return None,
        };
        let day = fields.len() + DAY_OF_MONTH - FIELDS.len();
        let mut before_last = None;
        if let Some(days) = fields[day].strip_prefix("L-") {
            before_last = Some(number(days).and_then(|days| u8::try_from(days).ok())?);
            before_last.filter(|days| (1..=30).contains(days))?;
            fields[day] = String::from("*");
        }
        let fields = fields.iter().zip(kinds);
        let fields = fields.map(|(field, kind)| kind.translated(field));
        let pattern = fields.collect::<Option<Vec<_>>>()?.join(" ");
        let parser = CronParser::builder().dom_and_dow(true).build();
        let cron = parser.parse(&pattern).ok()?;
        Some(Self { cron, before_last })
    }

    /// When it last fired, now included. None if it never fires.
    pub(super) fn last_tick(&self, now: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
        let mut month = now.replace_day(1).ok()?.date();
        // Which days fit depends on the length of the month and on its first day of the week alone: no combination is
        // looked through again.
        let mut are_without_days = [[false; 7]; 32];
        for _ in 0..CYCLE_MONTHS {
            let length = usize::from(month.month().length(month.year()));
            let weekday = usize::from(month.weekday().number_days_from_monday());
            let is_without_days = &mut are_without_days[length][weekday];
            if self.is_month(month) && !*is_without_days {
                *is_without_days = true;
                for day in self.days_of(month) {
                    *is_without_days = false;
                    // The library is asked only about days that fit: it would search back to the year 1.
                    let found = (day <= now.date())
                        .then(|| self.tick_of(day, now))
                        .flatten();
                    if found.is_some() {
                        return found;
                    }
                }
            }
            month = month.previous_day()?.replace_day(1).ok()?;
        }
        None
    }

    fn is_month(&self, month: Date) -> bool {
        let number = u8::from(month.month()).into();
        self.cron.pattern.month_match(number).unwrap_or(false)
    }

    /// The days of a month on which it fires, the last one first, if it fires in this month of a year.
    fn days_of(&self, month: Date) -> impl Iterator<Item = Date> {
        let number = u8::from(month.month()).into();
        let length = month.month().length(month.year());
        (1..=length).rev().filter_map(move |day| {
            let is_day = self.before_last.is_none_or(|days| day + days == length);
            let date = month.replace_day(day).ok().filter(|_| is_day)?;
            let weekday = Utc(date.midnight()).civil_weekday();
            let pattern = &self.cron.pattern;
            let fits = pattern.day_match(date.year(), number, day.into(), weekday);
            fits.unwrap_or(false).then_some(date)
        })
    }

    /// When it last fired on a day that fits.
    fn tick_of(&self, day: Date, now: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
        let until = Utc(now.min(PrimitiveDateTime::new(day, LAST_SECOND)));
        // Without this check, the library searches earlier days if the first tick of the day is still to come.
        let first = self
            .cron
            .find_next_occurrence(&Utc(day.midnight()), true)
            .ok()?;
        if first.0 > until.0 {
            return None;
        }
        let found = self.cron.find_previous_occurrence(&until, true);
        found
            .ok()
            .map(|tick| tick.0)
            .filter(|tick| tick.date() == day)
    }
}

#[cfg(test)]
mod tests;
