//! When does a cron expression fire? As Cronos reads it, which reads those of Civitai's budgets; all in UTC. What the
//! library here reads otherwise, or not at all, is written in its words first. What counts since is `period.rs`.

use croner::Cron;
use croner::parser::CronParser;
use time::{PrimitiveDateTime, Time};

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

/// After so many months the days of the week fall on the same days of the month again, but for a turn of the century.
const CYCLE: u32 = 28 * 12;

/// The last moment of a day.
const LAST_SECOND: Time = match Time::from_hms(23, 59, 59) {
    Ok(time) => time,
    Err(_) => Time::MIDNIGHT,
};

/// One of the six fields.
struct Field {
    first: u32,
    last: u32,
    /// So many values until they begin again: Sunday is both 0 and 7.
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
    /// they come to.
    fn translated(&self, field: &str) -> Option<String> {
        let items = field.split(',').map(|item| self.item(item));
        Some(items.collect::<Option<Vec<_>>>()?.join(","))
    }

    fn item(&self, item: &str) -> Option<String> {
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
            (None, None) => return (!item.is_empty()).then(|| item.to_owned()),
        };
        let length = if from <= to {
            to - from
        } else {
            (to + self.round - from % self.round) % self.round
        };
        let values = (0..=length).step_by(usize::try_from(step.unwrap_or(1)).ok()?);
        let texts = values.map(|ahead| {
            let value = from + ahead;
            let is_over = value > self.last || (from > to && value - self.first >= self.round);
            (if is_over { value - self.round } else { value }).to_string()
        });
        Some(texts.collect::<Vec<_>>().join(","))
    }
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
    /// `L-n`: so many days before the last of the month, whatever day that is.
    before_last: Option<u8>,
}

impl Schedule {
    /// Nothing where it is no cron expression: five fields, or six with the seconds first; where both the day of the
    /// month and the day of the week are given, both must fit.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_uppercase();
        // The library's own sign for what holds in every expression here.
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

    /// When it last fired, now included.
    pub(super) fn last_tick(&self, now: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
        let Some(before_last) = self.before_last else {
            return self.tick_before(now);
        };
        let mut month = now.replace_day(1).ok()?.date();
        for _ in 0..CYCLE {
            let length = month.month().length(month.year());
            let day = length.checked_sub(before_last).filter(|day| *day > 0);
            let day = day.and_then(|day| month.replace_day(day).ok());
            if let Some(day) = day.filter(|day| *day <= now.date()) {
                let tick = self.tick_before(now.min(PrimitiveDateTime::new(day, LAST_SECOND)));
                if tick.is_some_and(|tick| tick.date() == day) {
                    return tick;
                }
            }
            month = month.previous_day()?.replace_day(1).ok()?;
        }
        None
    }

    fn tick_before(&self, now: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
        let now = Utc(now);
        let found = self.cron.find_previous_occurrence(&now, true);
        found.ok().map(|tick| tick.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use time::{Date, Duration};

    use super::*;

    /// One item of a field, told apart by how it is written.
    #[derive(Debug, Clone, Copy)]
    enum Item {
        Any,
        Each(u32),
        One(u32),
        From(u32, u32),
        Range(u32, u32),
        RangeBy(u32, u32, u32),
        BeforeLast(u32),
    }

    impl Item {
        fn text(self) -> String {
            match self {
                Self::Any => "*".to_owned(),
                Self::Each(step) => format!("*/{step}"),
                Self::One(value) => value.to_string(),
                Self::From(from, step) => format!("{from}/{step}"),
                Self::Range(from, to) => format!("{from}-{to}"),
                Self::RangeBy(from, to, step) => format!("{from}-{to}/{step}"),
                Self::BeforeLast(days) => format!("L-{days}"),
            }
        }

        /// Whether it names this value, of so many from `first` on.
        fn is(self, value: u32, first: u32, count: u32) -> bool {
            match self {
                Self::Any => true,
                Self::Each(step) => (value - first).is_multiple_of(step),
                Self::One(one) => value == one,
                Self::From(from, step) => value >= from && (value - from).is_multiple_of(step),
                Self::Range(from, to) => Self::RangeBy(from, to, 1).is(value, first, count),
                Self::RangeBy(from, to, step) if from <= to => {
                    (from..=to).contains(&value) && (value - from).is_multiple_of(step)
                }
                // Over the end, as a clock's hand goes.
                Self::RangeBy(from, to, step) => {
                    let after = value >= from && (value - from).is_multiple_of(step);
                    let before = value <= to && (value + count - from).is_multiple_of(step);
                    after || before
                }
                Self::BeforeLast(_) => unreachable!("asked of days alone"),
            }
        }
    }

    fn item(first: u32, last: u32) -> impl Strategy<Value = Item> {
        let value = first..=last;
        (0..6, value.clone(), value, 1..=last).prop_map(|(kind, one, other, step)| match kind {
            0 => Item::Any,
            1 => Item::Each(step),
            2 => Item::One(one),
            3 => Item::From(one, step),
            4 => Item::Range(one, other),
            _ => Item::RangeBy(one, other, step),
        })
    }

    fn day() -> impl Strategy<Value = Item> {
        prop_oneof![item(1, 31), (1..31_u32).prop_map(Item::BeforeLast)]
    }

    /// Goes back day by day, hour by hour and minute by minute until everything fits; nothing where that takes too long.
    fn walk_back(fields: [Item; 5], now: PrimitiveDateTime) -> Option<PrimitiveDateTime> {
        let [minute, hour, day, month, weekday] = fields;
        let fits = |date: Date| {
            let number = u32::from(date.day());
            let length = u32::from(date.month().length(date.year()));
            let is_day = match day {
                Item::BeforeLast(days) => number + days == length,
                other => other.is(number, 1, 31),
            };
            let sundays = u32::from(date.weekday().number_days_from_sunday());
            // Steps go on to the second name of Sunday, 7.
            let is_sunday =
                sundays == 0 && matches!(weekday, Item::From(..)) && weekday.is(7, 0, 7);
            is_day
                && month.is(u32::from(u8::from(date.month())), 1, 12)
                && (is_sunday || weekday.is(sundays, 0, 7))
        };
        let mut date = now.date();
        for _ in 0..1500 {
            let hours = (0..24_u8)
                .rev()
                .filter(|h| fits(date) && hour.is((*h).into(), 0, 24));
            for h in hours {
                for m in (0..60_u8).rev().filter(|m| minute.is((*m).into(), 0, 60)) {
                    let at = date.with_hms(h, m, 0).unwrap();
                    if at <= now {
                        return Some(at);
                    }
                }
            }
            date = date.previous_day().unwrap();
        }
        None
    }

    fn tick(cron: &str, now: &str) -> String {
        let schedule = Schedule::read(cron).unwrap_or_else(|| panic!("{cron}"));
        let format = &time::format_description::well_known::Rfc3339;
        let now = time::OffsetDateTime::parse(now, format).unwrap();
        let now = PrimitiveDateTime::new(now.date(), now.time());
        let tick = schedule.last_tick(now).unwrap_or_else(|| panic!("{cron}"));
        tick.assume_utc().format(format).unwrap()
    }

    #[test]
    fn what_the_library_does_not_read_is_written_in_its_words() {
        let now = "2026-03-31T12:59:58Z";
        let crons = [
            "0/15 * * * *",
            "5/15 * * * *",
            "0 22-2 * * *",
            "0 22-2/3 * * *",
            "0 0 28-2 * *",
            "0 0 1 NOV-FEB *",
            "0 0 * * FRI-MON",
            "0 0 * * sat-sun",
            "0 0 * * 6-7",
            "0 0 * * 7-1",
            "0 0 * * */2",
            "0 0 L-3 * *",
            "0 0 L-30 * *",
            "30 10 L-1 FEB *",
            "@every_minute",
            "@Every_Second",
            "@midnight",
        ];
        let told = crons.map(|cron| format!("{cron}: {}", tick(cron, now)));
        insta::assert_snapshot!(told.join("\n"), @"
        0/15 * * * *: 2026-03-31T12:45:00Z
        5/15 * * * *: 2026-03-31T12:50:00Z
        0 22-2 * * *: 2026-03-31T02:00:00Z
        0 22-2/3 * * *: 2026-03-31T01:00:00Z
        0 0 28-2 * *: 2026-03-31T00:00:00Z
        0 0 1 NOV-FEB *: 2026-02-01T00:00:00Z
        0 0 * * FRI-MON: 2026-03-30T00:00:00Z
        0 0 * * sat-sun: 2026-03-29T00:00:00Z
        0 0 * * 6-7: 2026-03-29T00:00:00Z
        0 0 * * 7-1: 2026-03-30T00:00:00Z
        0 0 * * */2: 2026-03-31T00:00:00Z
        0 0 L-3 * *: 2026-03-28T00:00:00Z
        0 0 L-30 * *: 2026-03-01T00:00:00Z
        30 10 L-1 FEB *: 2026-02-27T10:30:00Z
        @every_minute: 2026-03-31T12:59:00Z
        @Every_Second: 2026-03-31T12:59:58Z
        @midnight: 2026-03-31T00:00:00Z
        ");
    }

    #[test]
    fn what_cronos_does_not_read_is_not_read() {
        for cron in [
            "* * * *",
            "0 0 1 1 * * 2026",
            "0 0 1 1 ? * *",
            "0/0 * * * *",
            "0/60 * * * *",
            "60/5 * * * *",
            "0 24-2 * * *",
            "-5 * * * *",
            "1- * * * *",
            "1--2 * * * *",
            "1,, * * * *",
            "+1 * * * *",
            "0 0 L-31 * *",
            "0 0 L-0 * *",
            "0 0 L-2W * *",
            "0 0 1,L-2 * *",
            "0 0 1 * +MON",
            "@often",
            "0 0 1 * @daily",
        ] {
            assert!(Schedule::read(cron).is_none(), "{cron}");
        }
    }

    proptest! {
        #[test]
        fn the_last_tick_is_where_walking_back_finds_it(
            fields in (item(0, 59), item(0, 23), day(), item(1, 12), item(0, 6)),
            minutes in 0..2_000_000_i64,
        ) {
            let fields = [fields.0, fields.1, fields.2, fields.3, fields.4];
            let start = Date::from_ordinal_date(2024, 1).unwrap().midnight();
            let now = start + Duration::minutes(minutes);
            let found = walk_back(fields, now);
            prop_assume!(found.is_some());
            let cron = fields.map(Item::text).join(" ");
            let schedule = Schedule::read(&cron);
            prop_assert!(schedule.is_some(), "{}", cron);
            prop_assert_eq!(schedule.unwrap().last_tick(now), found, "{} at {}", cron, now);
        }
    }
}
