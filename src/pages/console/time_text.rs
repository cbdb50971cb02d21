//! Times as the console shows them: in UTC, with the time that has passed.

use crate::protocol::time::Timestamp;
use crate::sandbox::clock::{Clock, ClockState};

/// The clock of a sandbox, as the app bar shows it.
#[derive(Debug, Clone)]
pub(crate) struct ClockText {
    pub(crate) now: Timestamp,
    pub(crate) system: Timestamp,
    pub(crate) is_frozen: bool,
    /// The distance from real time, such as `+2 h`, unless there is none.
    pub(crate) ahead: Option<String>,
}

impl ClockText {
    pub(crate) fn new(clock: &Clock) -> Self {
        let (now, system) = clock.now_and_system();
        let ahead_ms = now.0.saturating_sub(system.0);
        let sign = if ahead_ms < 0 { '−' } else { '+' };
        let seconds = ahead_ms.unsigned_abs() / 1000;
        Self {
            now,
            system,
            is_frozen: matches!(clock.state(), ClockState::Frozen { .. }),
            ahead: (seconds > 0).then(|| format!("{sign}{}", duration(seconds))),
        }
    }

    pub(crate) fn time(&self) -> String {
        time_of_day(self.now)
    }

    pub(crate) fn real_time(&self) -> String {
        full_time(self.system)
    }

    /// `+2 h from real time`, if it differs from real time.
    pub(crate) fn relation(&self) -> Option<String> {
        let ahead = self.ahead.as_deref()?;
        Some(format!("{ahead} from real time"))
    }
}

/// A number of seconds in its two largest units.
pub(crate) fn duration(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds % 86_400 / 3600);
    let (minutes, rest) = (seconds % 3600 / 60, seconds % 60);
    let units = [(days, "d"), (hours, "h"), (minutes, "min"), (rest, "s")];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown = units[first..]
        .iter()
        .take(2)
        .filter(|(count, _)| *count > 0);
    let shown: Vec<String> = shown
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    if shown.is_empty() {
        return "0 s".to_owned();
    }
    shown.join(" ")
}

/// How long ago a time was, in its largest unit: `2 min ago`.
pub(crate) fn ago(now: Timestamp, at: Timestamp) -> String {
    let ms = now.0.saturating_sub(at.0);
    let seconds = ms.unsigned_abs() / 1000;
    let (count, unit) = match seconds {
        0..60 => (seconds, "s"),
        60..3600 => (seconds / 60, "min"),
        3600..86_400 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    if seconds == 0 {
        "now".to_owned()
    } else if ms > 0 {
        format!("{count} {unit} ago")
    } else {
        format!("in {count} {unit}")
    }
}

/// `30 Nov 2026, 12:24:31.306 UTC`.
pub(crate) fn full_time(at: Timestamp) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let text = at.to_string();
    let parts = text.trim_end_matches('Z').split_once('T');
    let Some((date, time)) = parts else {
        return text;
    };
    // Milliseconds have three digits.
    let time = match time.split_once('.') {
        Some((seconds, fraction)) => format!("{seconds}.{fraction:0<3}"),
        None => time.to_owned(),
    };
    let mut fields = date.rsplitn(3, '-');
    let (day, month, year) = (fields.next(), fields.next(), fields.next());
    let month = month.and_then(|month| MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?));
    match (day, month, year) {
        (Some(day), Some(month), Some(year)) => {
            format!("{} {month} {year}, {time} UTC", day.trim_start_matches('0'))
        }
        _ => text,
    }
}

/// `12:24:31`.
pub(crate) fn time_of_day(at: Timestamp) -> String {
    let text = at.to_string();
    let time = text.split_once('T').map_or(&*text, |(_, time)| time);
    time.get(..8).unwrap_or(time).to_owned()
}

/// The time of day, and the date if it is another day than `now`: `29 Nov, 12:24:31`.
pub(crate) fn list_time(now: Timestamp, at: Timestamp) -> String {
    const DAY_MS: i64 = 86_400_000;
    if now.0.div_euclid(DAY_MS) == at.0.div_euclid(DAY_MS) {
        return time_of_day(at);
    }
    let full = full_time(at);
    let date: Vec<&str> = full.split([' ', ',']).take(2).collect();
    format!("{}, {}", date.join(" "), &time_of_day(at)[..5])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_short_and_have_their_zone() {
        let at: Timestamp = "2026-11-30T12:24:31.306Z".parse().expect("a time");
        assert_eq!(full_time(at), "30 Nov 2026, 12:24:31.306 UTC");
        assert_eq!(time_of_day(at), "12:24:31");
        assert_eq!(list_time(at, at), "12:24:31");
        let later = Timestamp(at.0 + 86_400_000);
        assert_eq!(list_time(later, at), "30 Nov, 12:24");
        assert_eq!(ago(later, at), "1 d ago");
        assert_eq!(ago(at, later), "in 1 d");
        assert_eq!(ago(at, at), "now");
        assert_eq!(full_time(Timestamp(0)), "1 Jan 1970, 00:00:00 UTC");
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (90, "1 min 30 s"),
            (7200, "2 h"),
            (86_400 + 7200 + 5, "1 d 2 h"),
        ] {
            assert_eq!(duration(seconds), expected);
        }
    }
}
