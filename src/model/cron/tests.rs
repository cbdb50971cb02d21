//! Tests of cron expressions: what is read, and when it last fired.

use std::time::Instant;

use proptest::prelude::*;

use time::Duration;

use super::*;

/// One item of a field, by how it is written.
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

    /// Whether it names this value, of this number of values from `first` on.
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
        let is_sunday = sundays == 0 && matches!(weekday, Item::From(..)) && weekday.is(7, 0, 7);
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
fn unsupported_syntax_is_translated_for_the_library() {
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
    let described = crons.map(|cron| format!("{cron}: {}", tick(cron, now)));
    insta::assert_snapshot!(described.join("\n"), @"
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
fn syntax_that_cronos_rejects_is_rejected() {
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

#[test]
fn a_cron_that_never_fires_has_no_tick() {
    let now = Date::from_ordinal_date(2026, 90).unwrap().midnight();
    for cron in ["0 0 30 2 *", "0 0 31 2,4,6,9,11 *", "0 0 L-29 2 *"] {
        let schedule = Schedule::read(cron).unwrap_or_else(|| panic!("{cron}"));
        assert_eq!(schedule.last_tick(now), None, "{cron}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured is real")]
fn a_search_that_finds_nothing_is_cheap() {
    let now = Date::from_ordinal_date(2026, 90).unwrap().midnight();
    let crons = [
        "0 0 31 2 *",
        "0 0 31 2,4,6,9,11 *",
        "0 0 L-30 2 *",
        "0 0 30,31 2 MON",
        "0 0 1-7 * MON#5",
    ];
    let schedules = crons.map(|cron| Schedule::read(cron).unwrap());
    let start = Instant::now();
    for _ in 0..200 {
        for (cron, schedule) in crons.iter().zip(&schedules) {
            assert_eq!(schedule.last_tick(now), None, "{cron}");
        }
    }
    let took = start.elapsed();
    assert!(took.as_millis() < 2000, "1,000 searches took {took:?}");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "what is measured is real")]
fn a_long_expression_is_parsed_fast() {
    let cron = format!("{} 0 31 2 *", vec!["*/1"; 1000].join(","));
    let start = Instant::now();
    for _ in 0..20 {
        assert!(Schedule::read(&cron).is_some());
    }
    let took = start.elapsed();
    assert!(took.as_millis() < 1000, "20 expressions took {took:?}");
}

#[test]
fn a_cron_that_fires_once_in_forty_years_is_found() {
    // 1900 is no leap year: these two Sundays are 40 years apart.
    assert_eq!(
        tick("0 0 29 2 SUN", "1920-02-28T00:00:00Z"),
        "1880-02-29T00:00:00Z"
    );
    assert_eq!(
        tick("0 0 29 2 SUN", "2099-01-01T00:00:00Z"),
        "2088-02-29T00:00:00Z"
    );
    assert_eq!(
        tick("0 12 29 2 *", "2026-01-01T00:00:00Z"),
        "2024-02-29T12:00:00Z"
    );
    assert_eq!(
        tick("0 12 29 2 *", "2024-02-29T11:59:59Z"),
        "2020-02-29T12:00:00Z"
    );
    assert_eq!(
        tick("0 0 L-28 FEB *", "2026-01-01T00:00:00Z"),
        "2024-02-01T00:00:00Z"
    );
    assert_eq!(
        tick("0 0 L-28 FEB SUN", "1920-01-31T00:00:00Z"),
        "1880-02-01T00:00:00Z"
    );
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
