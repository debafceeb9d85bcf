//! Times on pages: written in UTC by the server, and turned into the reader's own time by the script where there is one.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use threadkeep_core::time::Timestamp;

/// A day.
const DAY_MS: i64 = 24 * 3_600_000;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// A time as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// For programs.
    pub(super) iso: String,
    /// For people, in UTC.
    pub(super) shown: String,
    /// What the script is to make of it: `list`, `clock`, `day` or `full`.
    pub(super) style: &'static str,
}

/// In a list: the clock today, else the day.
pub(super) fn listed(at: Timestamp, now: Timestamp) -> Stamp {
    let (time, today) = (civil(at), civil(now));
    let shown = match () {
        () if time.date() == today.date() => clock_of(time),
        () if time.year() == today.year() => format!("{} {}", time.day(), month(time)),
        () => format!("{} {} {}", time.day(), month(time), time.year()),
    };
    Stamp { iso: iso(time), shown, style: "list" }
}

/// The clock alone.
pub(super) fn clock(at: Timestamp) -> Stamp {
    let time = civil(at);
    Stamp { iso: iso(time), shown: clock_of(time), style: "clock" }
}

/// The day alone.
pub(super) fn day(at: Timestamp) -> Stamp {
    let time = civil(at);
    let weekday = usize::try_from(time.weekday().to_monday_zero_offset()).unwrap_or_default();
    let weekday = DAYS.get(weekday).copied().unwrap_or_default();
    let shown = format!("{weekday} {} {} {}", time.day(), month(time), time.year());
    Stamp { iso: iso(time), shown, style: "day" }
}

/// Day and clock.
pub(super) fn full(at: Timestamp) -> Stamp {
    let time = civil(at);
    let shown = format!("{} {} {}, {} UTC", time.day(), month(time), time.year(), clock_of(time));
    Stamp { iso: iso(time), shown, style: "full" }
}

/// Whether two times lie on the same day.
pub(super) fn is_same_day(one: Timestamp, other: Timestamp) -> bool {
    one.0.div_euclid(DAY_MS) == other.0.div_euclid(DAY_MS)
}

fn civil(at: Timestamp) -> DateTime {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    Offset::UTC.to_datetime(at)
}

fn iso(time: DateTime) -> String {
    format!("{}Z", time.strftime("%Y-%m-%dT%H:%M:%S"))
}

fn clock_of(time: DateTime) -> String {
    format!("{:02}:{:02}", time.hour(), time.minute())
}

fn month(time: DateTime) -> &'static str {
    usize::try_from(time.month() - 1).ok().and_then(|at| MONTHS.get(at)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_shows_the_clock_today_and_the_day_before() {
        let now = Timestamp(1_767_323_045_000);
        let shown = |back_ms: i64| listed(now.plus_ms(-back_ms), now).shown;
        assert_eq!([shown(0), shown(DAY_MS), shown(2 * DAY_MS)], ["03:04", "1 Jan", "31 Dec 2025"]);
        assert_eq!(full(now).shown, "2 Jan 2026, 03:04 UTC");
        assert_eq!((day(now).shown.as_str(), day(now).iso.as_str()), ("Fri 2 Jan 2026", "2026-01-02T03:04:05Z"));
    }

    #[test]
    fn absurd_times_are_shown_as_something() {
        for at in [i64::MIN, i64::MAX, -1, 0] {
            assert!(!full(Timestamp(at)).shown.is_empty());
        }
    }
}
